// RUN: axec opt %s --pass "fuse{max_ops=3}" | filecheck %s
// `max_ops` bounds the ops of a kernel.

// Three ops each; the constants of a number do not count.
// CHECK-LABEL: @chain(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.floor"(%arg1)
// CHECK-NEXT: %3 = "axe.tanh"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.cos"(%arg1)
// CHECK-NEXT: %3 = "axe.sin"(%2)
// CHECK-NEXT: %4 = "axe.exp"(%3)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @chain(%arg0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = "axe.floor"(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.tanh"(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = "axe.cos"(%1) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = "axe.sin"(%2) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = "axe.exp"(%3) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}
