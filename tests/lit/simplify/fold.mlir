// RUN: axec opt %s --pass simplify | filecheck %s
// Constants that meet become one.

// RULE: constant of one number repeated => broadcast(number)
// CHECK-LABEL: @repeated(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [2, 2]}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @repeated(%arg0: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  %1 = "axe.mul"(%arg0, %0) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// CHECK-LABEL: @repeated_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]> : tensor<4xf32>}
// CHECK-NEXT: %1 = "axe.mul"(%arg0, %0)
// CHECK-NEXT: return %1
func.func @repeated_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]> : tensor<4xf32>} : () -> tensor<4xf32>
  %1 = "axe.mul"(%arg0, %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: pointwise op on constant numbers => constant number
// CHECK-LABEL: @numbers(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<5.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @numbers(%arg0: tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %2 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.broadcast"(%2) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %4 = "axe.add"(%1, %3) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  %5 = "axe.mul"(%arg0, %4) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  return %5 : tensor<?xf32, ["n"]>
}

// sums and products in another order round differently
// CHECK-LABEL: @numbers_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %2 = "axe.add"(%arg0, %1)
// CHECK-NEXT: %3 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %5 = "axe.mul"(%2, %4)
// CHECK-NEXT: return %5
func.func @numbers_miss(%arg0: tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %2 = "axe.add"(%arg0, %1) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  %3 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %5 = "axe.mul"(%2, %4) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  return %5 : tensor<?xf32, ["n"]>
}

// RULE: op on constants => constant (up to `limit` elements)
// CHECK-LABEL: @constants(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<[0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<4xf32>}
// CHECK-NEXT: %1 = "axe.mul"(%arg0, %0)
// CHECK-NEXT: return %1
func.func @constants(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [4]} : () -> tensor<4xi32>
  %1 = "axe.cast"(%0) {dtype = f32} : (tensor<4xi32>) -> tensor<4xf32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @constants_miss(
// CHECK-NEXT: %0 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [2000]}
// CHECK-NEXT: %1 = "axe.cast"(%0) {dtype = f32}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @constants_miss(%arg0: tensor<2000xf32>) -> tensor<2000xf32> {
  %0 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [2000]} : () -> tensor<2000xi32>
  %1 = "axe.cast"(%0) {dtype = f32} : (tensor<2000xi32>) -> tensor<2000xf32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<2000xf32>, tensor<2000xf32>) -> tensor<2000xf32>
  return %2 : tensor<2000xf32>
}
