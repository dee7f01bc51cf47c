// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @folds
func.func @folds(%x: tensor<?x3xf32, ["n"]>) -> (tensor<f32>, tensor<?xi64, ["n"]>) {
  // CHECK-NEXT: "axe.reduce"(%arg0) {axes = array<i64: 1, 0>, kind = "max"} : (tensor<?x3xf32, ["n"]>) -> tensor<f32>
  %0 = "axe.reduce"(%x) {kind = "max", axes = array<i64: 1, 0>} : (tensor<?x3xf32, ["n"]>) -> tensor<f32>
  // CHECK-NEXT: "axe.argreduce"(%arg0) {axis = 1 : i64, kind = "min"} : (tensor<?x3xf32, ["n"]>) -> tensor<?xi64, ["n"]>
  %1 = "axe.argreduce"(%x) {kind = "min", axis = 1} : (tensor<?x3xf32, ["n"]>) -> tensor<?xi64, ["n"]>
  return %0, %1 : tensor<f32>, tensor<?xi64, ["n"]>
}

// CHECK-LABEL: @window
func.func @window(%x: tensor<2x?xf32, ["n"]>) -> tensor<2x?xf32, ["floordiv(n + 1, 2)"]> {
  // CHECK-NEXT: "axe.window"(%arg0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 2>}
  %0 = "axe.window"(%x) {kind = "sum", size = array<i64: 3>, stride = array<i64: 2>, padding = [array<i64: 1, 1>], dilation = array<i64: 1>} : (tensor<2x?xf32, ["n"]>) -> tensor<2x?xf32, ["floordiv(n + 1, 2)"]>
  return %0 : tensor<2x?xf32, ["floordiv(n + 1, 2)"]>
}
