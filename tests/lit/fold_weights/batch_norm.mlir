// RUN: axec opt --verify-each %s --pass fold_weights | filecheck %s
// RUN: axec opt --verify-each %s --pass fold_weights{scales=false} | filecheck %s --check-prefix=EXACT
// What depends on weights alone is a weight of its own, made when compiling by a recipe; weights that
// nobody reads any more are gone. Factors and summands of a convolution's channels are taken into its
// filters and one sum.

// CHECK: func.func @norm(%arg0: tensor<?x3x8x8xf32, ["n"]>,
// CHECK-SAME: %arg1: tensor<16x3x3x3xf32> {axe.recipe = ["mul0", "w", "var", "gain"], axe.weight = "w.mul"},
// CHECK-SAME: %arg2: tensor<16xf32> {axe.recipe = ["sub1", "bias", "mean", "var", "gain"], axe.weight = "bias.sub"})
// CHECK-NEXT: %0 = "axe.conv"(%arg0, %arg1)
// CHECK-NEXT: %1 = "axe.broadcast"(%arg2) {axes = array<i64: 1>
// CHECK-NEXT: %2 = "axe.add"(%0, %1)
// CHECK-NEXT: return %2

// EXACT: func.func @norm({{.*}}tensor<16x3x3x3xf32> {axe.weight = "w"}, {{.*}} {axe.weight = "mean"}, {{.*}} {axe.weight = "bias"},
// EXACT-SAME: tensor<16xf32> {axe.recipe = ["mul0", "var", "gain"], axe.weight = "var.mul"})
// EXACT: axe.conv
// EXACT: axe.sub
// EXACT: axe.mul
// EXACT: axe.add
func.func @norm(%x: tensor<?x3x8x8xf32, ["n"]>, %w: tensor<16x3x3x3xf32> {axe.weight = "w"},
    %mean: tensor<16xf32> {axe.weight = "mean"}, %var: tensor<16xf32> {axe.weight = "var"},
    %gain: tensor<16xf32> {axe.weight = "gain"}, %bias: tensor<16xf32> {axe.weight = "bias"})
    -> tensor<?x16x6x6xf32, ["n"]> attributes {axe.dims = {n = [1, 4]}} {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x3x8x8xf32, ["n"]>, tensor<16x3x3x3xf32>) -> tensor<?x16x6x6xf32, ["n"]>
  %1 = "axe.broadcast"(%mean) {axes = array<i64: 1>, shape = ["n", 16, 6, 6]} : (tensor<16xf32>) -> tensor<?x16x6x6xf32, ["n"]>
  %2 = "axe.sub"(%0, %1) : (tensor<?x16x6x6xf32, ["n"]>, tensor<?x16x6x6xf32, ["n"]>) -> tensor<?x16x6x6xf32, ["n"]>
  %3 = "axe.rsqrt"(%var) : (tensor<16xf32>) -> tensor<16xf32>
  %4 = "axe.mul"(%3, %gain) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %5 = "axe.broadcast"(%4) {axes = array<i64: 1>, shape = ["n", 16, 6, 6]} : (tensor<16xf32>) -> tensor<?x16x6x6xf32, ["n"]>
  %6 = "axe.mul"(%2, %5) : (tensor<?x16x6x6xf32, ["n"]>, tensor<?x16x6x6xf32, ["n"]>) -> tensor<?x16x6x6xf32, ["n"]>
  %7 = "axe.broadcast"(%bias) {axes = array<i64: 1>, shape = ["n", 16, 6, 6]} : (tensor<16xf32>) -> tensor<?x16x6x6xf32, ["n"]>
  %8 = "axe.add"(%6, %7) : (tensor<?x16x6x6xf32, ["n"]>, tensor<?x16x6x6xf32, ["n"]>) -> tensor<?x16x6x6xf32, ["n"]>
  return %8 : tensor<?x16x6x6xf32, ["n"]>
}

// CHECK: module @axe.recipes {
// CHECK-NEXT: func.func @mul0(%arg0: tensor<16x3x3x3xf32>, %arg1: tensor<16xf32>, %arg2: tensor<16xf32>) -> tensor<16x3x3x3xf32> {
// CHECK-NEXT: %0 = "axe.rsqrt"(%arg1)
// CHECK-NEXT: %1 = "axe.mul"(%0, %arg2)
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64: 0>
// CHECK-NEXT: %3 = "axe.mul"(%arg0, %2)
// CHECK-NEXT: return %3
// CHECK: func.func @sub1
