// RUN: axec opt --verify-each %s --pass fuse --pass outline --pass unroll | filecheck %s
// A function that is called goes through `fuse` and `outline` once; then its kernels stand where
// the calls were, and it is gone.

// CHECK: sym_name = "[[GEMM:.*]]", template = "gemm"
// CHECK-LABEL: func.func @twice(
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>, %[[A:.*]]: tensor<8x8xf32>, %[[B:.*]]: tensor<8x8xf32>)
// CHECK-NEXT: %[[Y:.*]] = "kernel.call"(%[[X]], %[[A]]) {callee = @[[GEMM]], dims = []}
// CHECK-NEXT: %[[Z:.*]] = "kernel.call"(%[[Y]], %[[B]]) {callee = @[[GEMM]], dims = []}
// CHECK-NEXT: return %[[Z]]
// CHECK-NOT: func.func
func.func @twice(%x: tensor<2x8xf32>, %a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> tensor<2x8xf32> {
  %0 = "control.call"(%x, %a) {callee = @layer} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %1 = "control.call"(%0, %b) {callee = @layer} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}
func.func private @layer(%x: tensor<2x8xf32>, %w: tensor<8x8xf32>) -> tensor<2x8xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %1 = "axe.tanh"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}
