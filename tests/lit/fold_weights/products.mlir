// RUN: axec opt --verify-each %s --pass fold_weights | filecheck %s
// Factors behind a matrix product; the axes of the result that are axes of the weight have them.

// (x @ w - a) / s: w / s, and a / s.
// CHECK: func.func @columns(%arg0: tensor<2x3xf32>, %arg1: tensor<3x5xf32> {axe.recipe = ["div0", "w", "s"], axe.weight = "w.div"}, %arg2: tensor<5xf32> {axe.recipe = ["div1", "a", "s"], axe.weight = "a.div"})
// CHECK-NEXT: %0 = "axe.dot_general"(%arg0, %arg1)
// CHECK-NEXT: %1 = "axe.broadcast"(%arg2)
// CHECK-NEXT: "axe.sub"(%0, %1)
func.func @columns(%x: tensor<2x3xf32>, %w: tensor<3x5xf32> {axe.weight = "w"}, %a: tensor<5xf32> {axe.weight = "a"}, %s: tensor<5xf32> {axe.weight = "s"}) -> tensor<2x5xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  %1 = "axe.broadcast"(%a) {axes = array<i64: 1>, shape = [2, 5]} : (tensor<5xf32>) -> tensor<2x5xf32>
  %2 = "axe.sub"(%0, %1) : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %3 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 5]} : (tensor<5xf32>) -> tensor<2x5xf32>
  %4 = "axe.div"(%2, %3) : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return %4 : tensor<2x5xf32>
}

// The weight is the left factor: a factor for each of its rows, which are rows of the result.
// CHECK: func.func @rows(%arg0: tensor<3x2xf32>, %arg1: tensor<5x3xf32> {axe.recipe = ["mul2", "w", "s"], axe.weight = "w.mul"})
// CHECK-NEXT: %0 = "axe.dot_general"(%arg1, %arg0)
// CHECK-NEXT: return %0
func.func @rows(%x: tensor<3x2xf32>, %w: tensor<5x3xf32> {axe.weight = "w"}, %s: tensor<5xf32> {axe.weight = "s"}) -> tensor<5x2xf32> {
  %0 = "axe.dot_general"(%w, %x) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<5x3xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  %1 = "axe.broadcast"(%s) {axes = array<i64: 0>, shape = [5, 2]} : (tensor<5xf32>) -> tensor<5x2xf32>
  %2 = "axe.mul"(%1, %0) : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<5x2xf32>
  return %2 : tensor<5x2xf32>
}

// Not a factor for each row of the input, nor where others read the product, nor of narrow floats.
// CHECK: func.func @others({{.*}} {axe.weight = "w"}, {{.*}} {axe.weight = "s"}, {{.*}} {axe.weight = "n"})
// CHECK: axe.mul
// CHECK: axe.mul
// CHECK: axe.mul
func.func @others(%x: tensor<2x2xf32>, %w: tensor<2x2xf32> {axe.weight = "w"}, %s: tensor<2xf32> {axe.weight = "s"}, %y: tensor<2x2xbf16>, %n: tensor<2x2xbf16> {axe.weight = "n"}) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xbf16>) {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "axe.broadcast"(%s) {axes = array<i64: 0>, shape = [2, 2]} : (tensor<2xf32>) -> tensor<2x2xf32>
  %2 = "axe.mul"(%0, %1) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 2]} : (tensor<2xf32>) -> tensor<2x2xf32>
  %4 = "axe.mul"(%0, %3) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = "axe.dot_general"(%y, %n) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xbf16>
  %6 = "axe.mul"(%5, %5) : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xbf16>
  return %0, %2, %4, %6 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xbf16>
}
