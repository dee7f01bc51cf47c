// RUN: axec opt %s --pass "decompose{keep=softmax,attention}" | filecheck %s
// Composites that `keep` names stay whole; core ops always do.

// CHECK-LABEL: func.func @both(
// CHECK-NEXT: %0 = "axe.softmax"(%arg0) {axis = 1 : i64}
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = ["n", 8]}
// CHECK-NEXT: %3 = "axe.max"(%0, %2)
// CHECK-NEXT: %4 = "axe.tanh"(%3)
// CHECK-NEXT: return %4

func.func @both(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.softmax"(%arg0) {axis = 1 : i64} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %1 = "axe.relu"(%0) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %2 = "axe.tanh"(%1) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %2 : tensor<?x8xf32, ["n"]>
}
