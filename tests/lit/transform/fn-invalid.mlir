// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

// CHECK: 'fn.call' op applies @g, which is no function of the module
// CHECK: fn-invalid.mlir:6:8
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "fn.call"(%x) {callee = @g} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
// CHECK: 'fn.call' op results of @f must be [f32[3]], are [f32[4]]
func.func @main(%x: tensor<3xf32>) -> tensor<4xf32> {
  %0 = "fn.call"(%x) {callee = @f} : (tensor<3xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// -----
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
// CHECK: 'fn.vjp' op operands of @f must be [f32[3], f32[3]], are [f32[3]]
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0, %1 = "fn.vjp"(%x) {callee = @f, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}
// -----
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
// CHECK: 'fn.jvp' op has attributes that do not fit @f
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "fn.jvp"(%x, %x) {callee = @f, wrt = array<i64: 1>, outs = array<i64>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// -----
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
// CHECK: 'fn.vmap' op results of @f must be [f32[3, 2]], are [f32[2, 3]]
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "fn.vmap"(%x) {callee = @f, in_axes = array<i64: 0>, out_axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
// -----
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
// CHECK: 'fn.custom' op needs either jvp, or forward and backward
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "fn.custom"(%x) {callee = @f, forward = @f} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
