// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @block
func.func @block(%x: tensor<?x8xf32, ["n"]>, %w: tensor<8xf32>) -> tensor<?x8xf32, ["n"]> {
  // CHECK-NEXT: "axe.layer_norm"(%arg0, %arg1, %arg1) {eps = 1.000000e-05 : f64}
  %0 = "axe.layer_norm"(%x, %w, %w) {eps = 1.0e-5} : (tensor<?x8xf32, ["n"]>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, ["n"]>
  // CHECK-NEXT: "axe.rms_norm"(%0, %arg1) {eps = 1.000000e-05 : f64}
  %1 = "axe.rms_norm"(%0, %w) {eps = 1.0e-5} : (tensor<?x8xf32, ["n"]>, tensor<8xf32>) -> tensor<?x8xf32, ["n"]>
  // CHECK-NEXT: "axe.attention"(%1, %1, %1) {causal = true, scale = 5.000000e-01 : f64}
  %2 = "axe.attention"(%1, %1, %1) {causal = true, scale = 0.5} : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  // CHECK-NEXT: "axe.gelu"(%2) {approximate = false}
  %3 = "axe.gelu"(%2) {approximate = false} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  // CHECK-NEXT: "axe.softmax"(%3) {axis = 1 : i64}
  %4 = "axe.softmax"(%3) {axis = 1} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %4 : tensor<?x8xf32, ["n"]>
}

// CHECK-LABEL: @masked
func.func @masked(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %m: tensor<3x5xi1>) -> tensor<3x4xf32> {
  // CHECK-NEXT: "axe.attention"(%arg0, %arg1, %arg1, %arg2) {causal = false, scale = 1.000000e+00 : f64}
  %0 = "axe.attention"(%q, %k, %k, %m) {causal = false, scale = 1.0} : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>, tensor<3x5xi1>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// CHECK-LABEL: @pool
func.func @pool(%x: tensor<2x7xf32>) -> tensor<2x4xf32> {
  // CHECK-NEXT: "axe.avg_pool"(%arg0) {count_include_pad = false, padding = [array<i64: 0, 1>], size = array<i64: 2>, stride = array<i64: 2>}
  %0 = "axe.avg_pool"(%x) {count_include_pad = false, padding = [array<i64: 0, 1>], size = array<i64: 2>, stride = array<i64: 2>} : (tensor<2x7xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
