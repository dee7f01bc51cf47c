// RUN: axec opt --verify-each %s --pass transform | filecheck %s
// Derivatives of a call are calls (reverse: passes/axe/grad/call_reverse.py). All calls that are
// differentiated alike share one function for the way there, which saves what the way back reads,
// and one for the way back.

func.func private @layer(%x: tensor<2x4xf64>, %w: tensor<2x4xf64>) -> tensor<2x4xf64> {
  %0 = "axe.mul"(%x, %w) : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
  %1 = "axe.exp"(%0) : (tensor<2x4xf64>) -> tensor<2x4xf64>
  return %1 : tensor<2x4xf64>
}
func.func private @twice(%x: tensor<2x4xf64>, %a: tensor<2x4xf64>, %b: tensor<2x4xf64>) -> tensor<2x4xf64> {
  %0 = "control.call"(%x, %a) {callee = @layer} : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
  %1 = "control.call"(%0, %b) {callee = @layer} : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
  return %1 : tensor<2x4xf64>
}

// CHECK-LABEL: func.func @gradient(
// CHECK-SAME: %[[X:.*]]: tensor<2x4xf64>, %[[A:.*]]: tensor<2x4xf64>, %[[B:.*]]: tensor<2x4xf64>, %[[G:.*]]: tensor<2x4xf64>)
// CHECK-NEXT: %[[Y:.*]] = "control.call"(%[[X]], %[[A]]) {callee = @[[AHEAD:[a-z0-9.]*]]} :
// CHECK-NEXT: %[[Z:.*]] = "control.call"(%[[Y]], %[[B]]) {callee = @[[AHEAD]]} :
// CHECK-NEXT: %[[GY:.*]]:2 = "control.call"(%[[Z]], %[[Y]], %[[B]], %[[G]]) {callee = @[[BACK:[a-z0-9.]*]]} :
// CHECK-NEXT: %[[GX:.*]]:2 = "control.call"(%[[Y]], %[[X]], %[[A]], %[[GY]]#0) {callee = @[[BACK]]} :
// CHECK-NEXT: return %[[Z]], %[[GX]]#0, %[[GX]]#1, %[[GY]]#1
func.func @gradient(%x: tensor<2x4xf64>, %a: tensor<2x4xf64>, %b: tensor<2x4xf64>, %g: tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>) {
  %0:4 = "fn.vjp"(%x, %a, %b, %g) {callee = @twice, wrt = array<i64: 0, 1, 2>, seeds = array<i64: 0>} : (tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>
}

// CHECK-LABEL: func.func @tangent(
// CHECK: "control.call"({{.*}}) {callee = @layer.jvp
func.func @tangent(%x: tensor<2x4xf64>, %a: tensor<2x4xf64>, %t: tensor<2x4xf64>) -> tensor<2x4xf64> {
  %0:2 = "fn.jvp"(%x, %a, %a, %t) {callee = @twice, wrt = array<i64: 0>, outs = array<i64: 0>} : (tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x4xf64>)
  return %0#1 : tensor<2x4xf64>
}
