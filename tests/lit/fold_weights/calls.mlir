// RUN: axec opt --verify-each %s --pass fold_weights | filecheck %s
// A function that is only called with weights (layers that repeat) is given what it made of them; its
// callers make it, and an entry stores it.

// CHECK: func.func @layers(%arg0: tensor<2x4xf32>,
// CHECK-SAME: tensor<4x4xf32> {axe.recipe = ["mul0", "a", "s"], axe.weight = "a.mul"}, %arg2: tensor<4x4xf32> {axe.recipe = ["mul0", "b", "t"], axe.weight = "b.mul"})
// CHECK-NEXT: %0 = "control.call"(%arg0, %arg1) {callee = @layer}
// CHECK-NEXT: %1 = "control.call"(%0, %arg2) {callee = @layer}
func.func @layers(%x: tensor<2x4xf32>, %a: tensor<4x4xf32> {axe.weight = "a"}, %b: tensor<4x4xf32> {axe.weight = "b"}, %s: tensor<4xf32> {axe.weight = "s"}, %t: tensor<4xf32> {axe.weight = "t"}) -> tensor<2x4xf32> {
  %0 = "control.call"(%x, %a, %s) {callee = @layer} : (tensor<2x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = "control.call"(%0, %b, %t) {callee = @layer} : (tensor<2x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}
// CHECK: func.func private @layer(%arg0: tensor<2x4xf32>, %arg1: tensor<4x4xf32>) -> tensor<2x4xf32> {
// CHECK-NEXT: %0 = "axe.dot_general"(%arg0, %arg1)
// CHECK-NEXT: return %0
func.func private @layer(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>, %s: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 4]} : (tensor<4xf32>) -> tensor<2x4xf32>
  %2 = "axe.mul"(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// Not where one call gives it an input.
// CHECK: func.func @mixed(%arg0: tensor<4xf32> {axe.weight = "a"}, %arg1: tensor<4xf32>)
func.func @mixed(%a: tensor<4xf32> {axe.weight = "a"}, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = "control.call"(%a) {callee = @neg} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "control.call"(%x) {callee = @neg} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
// CHECK: func.func private @neg(%arg0: tensor<4xf32>)
// CHECK-NEXT: "axe.neg"
func.func private @neg(%w: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%w) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
