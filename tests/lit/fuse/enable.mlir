// RUN: axec opt %s --pass "fuse{enable=map}" | filecheck %s
// Templates that are not enabled hold one op each.

// The product keeps its epilogue out, the pointwise ops come together.
// CHECK-LABEL: @mixed(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.neg"(%arg2)
// CHECK-NEXT: %3 = "axe.exp"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @mixed(%arg0: tensor<4x8xf32>, %arg1: tensor<8x3xf32>) -> tensor<4x3xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  %1 = "axe.neg"(%0) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = "axe.exp"(%1) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %2 : tensor<4x3xf32>
}
