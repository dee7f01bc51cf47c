// RUN: axec opt %s --pass fuse | filecheck %s
// A decomposition is a kernel alone: it works in place in its result, one matrix per unit.

// CHECK-LABEL: @whitened(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.exp"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.cholesky"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "matrix"}
// CHECK-NEXT: %2 = "kernel.fused"(%1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.neg"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %2
func.func @whitened(%x: tensor<7x8x8xf32>) -> tensor<7x8x8xf32> {
  %0 = "axe.exp"(%x) : (tensor<7x8x8xf32>) -> tensor<7x8x8xf32>
  %1 = "axe.cholesky"(%0) : (tensor<7x8x8xf32>) -> tensor<7x8x8xf32>
  %2 = "axe.neg"(%1) : (tensor<7x8x8xf32>) -> tensor<7x8x8xf32>
  return %2 : tensor<7x8x8xf32>
}
