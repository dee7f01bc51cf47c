// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

// CHECK: 'control.switch' op runs @g, which is no function of the module
// CHECK: invalid.mlir:6:8
func.func @main(%i: tensor<i32>) -> tensor<f32> {
  %0 = "control.switch"(%i) {branches = [@g]} : (tensor<i32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
// CHECK: 'control.switch' op needs an index of type i32[] or i64[] first, got [f32[]]
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "control.switch"(%x, %x) {branches = [@f]} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: 'control.switch' op needs one branch or more
func.func @main(%i: tensor<i32>) -> tensor<i32> {
  "control.switch"(%i) {branches = []} : (tensor<i32>) -> ()
  return %i : tensor<i32>
}
// -----
func.func @f(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
// CHECK: 'control.switch' op runs @f, which must be private
func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = "control.switch"(%i, %x) {branches = [@f]} : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func private @f(%i: tensor<i32>) -> tensor<i32> {
  // CHECK: 'control.switch' op runs @f, which leads back to this op
  %0 = "control.switch"(%i, %i) {branches = [@f]} : (tensor<i32>, tensor<i32>) -> tensor<i32>
  return %0 : tensor<i32>
}
// -----
func.func private @same(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
// CHECK: 'control.while' op results of @same must be [bool[]], are [f32[]]
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "control.while"(%x) {condition = @same, body = @same, carries = 1 : i64} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
// CHECK: 'control.while' op has 1 operands, not 2 carries
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "control.while"(%x) {condition = @f, body = @f, carries = 2 : i64} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func private @f(%i: tensor<i64>, %c: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  return %c : tensor<f32>
}
// CHECK: 'control.scan' op xs and ys must have a first axis of 4, are [f32[5]] and []
func.func @main(%c: tensor<f32>, %x: tensor<5xf32>) -> tensor<f32> {
  %0 = "control.scan"(%c, %x) {body = @f, carries = 1 : i64, xs = 1 : i64, length = "4", reverse = false} : (tensor<f32>, tensor<5xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func private @f(%c: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  return %c : tensor<f32>
}
// CHECK: 'control.scan' op arguments of @f must be [i64[], f32[], f32[]], are [f32[], f32[]]
func.func @main(%c: tensor<f32>, %x: tensor<5xf32>) -> tensor<f32> {
  %0 = "control.scan"(%c, %x) {body = @f, carries = 1 : i64, xs = 1 : i64, length = "5", reverse = false} : (tensor<f32>, tensor<5xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// -----
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
// CHECK: 'control.call' op arguments of @f must be [i32[]], are [f32[]]
func.func @main(%i: tensor<i32>) -> tensor<f32> {
  %0 = "control.call"(%i) {callee = @f} : (tensor<i32>) -> tensor<f32>
  return %0 : tensor<f32>
}
