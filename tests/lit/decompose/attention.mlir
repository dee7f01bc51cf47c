// RUN: axec opt %s --pass decompose | filecheck %s
// RUN: axec opt %s --pass "decompose{fused=false}" | filecheck %s --check-prefix=CORE
// Attention stays whole where a kernel computes it whole.

// CHECK-LABEL: @taken(
// CHECK-NEXT: %0 = "axe.attention"(%arg0, %arg0, %arg0)
// CHECK-NEXT: return %0
// CORE-LABEL: @taken(
// CORE: "axe.dot_general"
func.func @taken(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.attention"(%arg0, %arg0, %arg0) {causal = true, scale = 5.000000e-01 : f64} : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %0 : tensor<?x8xf32, ["n"]>
}

// Near miss: another dtype.
// CHECK-LABEL: @double(
// CHECK: "axe.dot_general"
func.func @double(%arg0: tensor<4x8xf64>) -> tensor<4x8xf64> {
  %0 = "axe.attention"(%arg0, %arg0, %arg0) {causal = false, scale = 5.000000e-01 : f64} : (tensor<4x8xf64>, tensor<4x8xf64>, tensor<4x8xf64>) -> tensor<4x8xf64>
  return %0 : tensor<4x8xf64>
}

// Near miss: a depth that is not known.
// CHECK-LABEL: @depth(
// CHECK: "axe.dot_general"
func.func @depth(%arg0: tensor<4x?xf32, ["d"]>) -> tensor<4x?xf32, ["d"]> {
  %0 = "axe.attention"(%arg0, %arg0, %arg0) {causal = false, scale = 5.000000e-01 : f64} : (tensor<4x?xf32, ["d"]>, tensor<4x?xf32, ["d"]>, tensor<4x?xf32, ["d"]>) -> tensor<4x?xf32, ["d"]>
  return %0 : tensor<4x?xf32, ["d"]>
}

// Near miss: heads deeper than 256.
// CHECK-LABEL: @deep(
// CHECK: "axe.dot_general"
func.func @deep(%arg0: tensor<4x8xf32>, %arg1: tensor<4x257xf32>) -> tensor<4x257xf32> {
  %0 = "axe.attention"(%arg0, %arg0, %arg1) {causal = false, scale = 5.000000e-01 : f64} : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x257xf32>) -> tensor<4x257xf32>
  return %0 : tensor<4x257xf32>
}
