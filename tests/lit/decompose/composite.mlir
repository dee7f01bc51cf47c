// RUN: axec opt %s --pass decompose | filecheck %s
// RUN(cmd): axec opt %s --pass decompose | filecheck %s
// Composites become core ops, in place.

// CHECK-LABEL: func.func @softmax(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "max"}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64: 0>, shape = ["n", 8]}
// CHECK-NEXT: %2 = "axe.sub"(%arg0, %1)
// CHECK-NEXT: %3 = "axe.exp"(%2)
// CHECK-NEXT: %4 = "axe.reduce"(%3) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %5 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %6 = "axe.broadcast"(%5) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %7 = "axe.div"(%6, %4)
// CHECK-NEXT: %8 = "axe.broadcast"(%7) {axes = array<i64: 0>, shape = ["n", 8]}
// CHECK-NEXT: %9 = "axe.mul"(%3, %8)
// CHECK-NEXT: return %9
// CHECK-LABEL: func.func @silu(
// CHECK-NEXT: %0 = "axe.cast"(%arg0) {dtype = f32}
// CHECK-NEXT: %1 = "axe.sigmoid"(%0)
// CHECK-NEXT: %2 = "axe.mul"(%0, %1)
// CHECK-NEXT: %3 = "axe.cast"(%2) {dtype = f16}
// CHECK-NEXT: return %3

func.func @softmax(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.softmax"(%arg0) {axis = 1 : i64} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %0 : tensor<?x8xf32, ["n"]>
}

// Half precision computes in f32.
func.func @silu(%arg0: tensor<4xf16>) -> tensor<4xf16> {
  %0 = "axe.silu"(%arg0) : (tensor<4xf16>) -> tensor<4xf16>
  return %0 : tensor<4xf16>
}
