// RUN: axec opt --verify-each %s --pass "roll{least=6}" | filecheck %s
// Ops that repeat become calls of one function, if there are three copies or more. A copy begins
// where a kernel ends anyway.

// %x is read before and after the product, the tanh by the product alone: both lie in memory, and
// may cross the border of a copy. The first tanh stays outside, the last one is in the last copy.
// CHECK-LABEL: func.func @residual(
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>, %[[A:.*]]: tensor<8x8xf32>, %[[B:.*]]: tensor<8x8xf32>, %[[C:.*]]: tensor<8x8xf32>)
// CHECK-NEXT: %[[H:.*]] = "axe.tanh"(%[[X]])
// CHECK-NEXT: %[[Y:.*]]:2 = "control.call"(%[[H]], %[[A]], %[[X]]) {callee = @residual.repeat}
// CHECK-NEXT: %[[Z:.*]]:2 = "control.call"(%[[Y]]#1, %[[B]], %[[Y]]#0) {callee = @residual.repeat}
// CHECK-NEXT: %[[R:.*]]:2 = "control.call"(%[[Z]]#1, %[[C]], %[[Z]]#0) {callee = @residual.repeat}
// CHECK-NEXT: return %[[R]]#1
func.func @residual(%x: tensor<2x8xf32>, %a: tensor<8x8xf32>, %b: tensor<8x8xf32>, %c: tensor<8x8xf32>) -> tensor<2x8xf32> {
  %0 = "axe.tanh"(%x) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = "axe.dot_general"(%0, %a) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %2 = "axe.add"(%x, %1) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %3 = "axe.tanh"(%2) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = "axe.dot_general"(%3, %b) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %5 = "axe.add"(%2, %4) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %6 = "axe.tanh"(%5) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %7 = "axe.dot_general"(%6, %c) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %8 = "axe.add"(%5, %7) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %9 = "axe.tanh"(%8) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %9 : tensor<2x8xf32>
}

// Pointwise ops are one kernel, however often they repeat: there is no place to cut.
// CHECK-LABEL: func.func @chain(
// CHECK-NOT: control.call
// CHECK: return
func.func @chain(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %0 = "axe.tanh"(%x) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = "axe.neg"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %2 = "axe.tanh"(%1) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %3 = "axe.neg"(%2) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = "axe.tanh"(%3) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %5 = "axe.neg"(%4) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %6 = "axe.tanh"(%5) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %7 = "axe.neg"(%6) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %8 = "axe.tanh"(%7) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %9 = "axe.neg"(%8) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %10 = "axe.tanh"(%9) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %11 = "axe.neg"(%10) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %11 : tensor<2x8xf32>
}

// What is the same in all copies is an argument (%s), or, where it costs more than that, computed
// once outside (sin). Constants belong to the function; light ops (broadcast) are repeated in it.
// CHECK-LABEL: func.func @shared(
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>, %[[W:.*]]: tensor<8x8xf32>, %[[S:.*]]: tensor<8xf32>)
// CHECK: %[[SIN:.*]] = "axe.sin"(%[[W]])
// CHECK: %[[Y:.*]] = "control.call"(%[[X]], %[[SIN]], %[[S]]) {callee = @shared.repeat}
// CHECK: %[[Z:.*]] = "control.call"(%[[Y]], %[[SIN]], %[[S]]) {callee = @shared.repeat}
func.func @shared(%x: tensor<2x8xf32>, %w: tensor<8x8xf32>, %s: tensor<8xf32>) -> tensor<2x8xf32> {
  %half = "axe.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %sin0 = "axe.sin"(%w) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %d0 = "axe.dot_general"(%x, %sin0) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %s0 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 8]} : (tensor<8xf32>) -> tensor<2x8xf32>
  %h0 = "axe.broadcast"(%half) {axes = array<i64>, shape = [2, 8]} : (tensor<f32>) -> tensor<2x8xf32>
  %a0 = "axe.add"(%d0, %s0) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %m0 = "axe.mul"(%a0, %h0) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %sin1 = "axe.sin"(%w) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %d1 = "axe.dot_general"(%m0, %sin1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %s1 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 8]} : (tensor<8xf32>) -> tensor<2x8xf32>
  %h1 = "axe.broadcast"(%half) {axes = array<i64>, shape = [2, 8]} : (tensor<f32>) -> tensor<2x8xf32>
  %a1 = "axe.add"(%d1, %s1) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %m1 = "axe.mul"(%a1, %h1) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %sin2 = "axe.sin"(%w) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %d2 = "axe.dot_general"(%m1, %sin2) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %s2 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [2, 8]} : (tensor<8xf32>) -> tensor<2x8xf32>
  %h2 = "axe.broadcast"(%half) {axes = array<i64>, shape = [2, 8]} : (tensor<f32>) -> tensor<2x8xf32>
  %a2 = "axe.add"(%d2, %s2) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %m2 = "axe.mul"(%a2, %h2) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %m2 : tensor<2x8xf32>
}

// Ops with other attributes or constants are other ops: the first three layers repeat.
// CHECK-LABEL: func.func @until(
// CHECK-COUNT-3: "control.call"({{.*}}) {callee = @until.repeat}
// CHECK: axe.dot_general
// CHECK: return
func.func @until(%x: tensor<2x8xf32>, %w: tensor<8x8xf32>) -> tensor<2x8xf32> {
  %d0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %e0 = "axe.exp"(%d0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %t0 = "axe.tanh"(%e0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %n0 = "axe.neg"(%t0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %d1 = "axe.dot_general"(%n0, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %e1 = "axe.exp"(%d1) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %t1 = "axe.tanh"(%e1) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %n1 = "axe.neg"(%t1) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %d2 = "axe.dot_general"(%n1, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %e2 = "axe.exp"(%d2) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %t2 = "axe.tanh"(%e2) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %n2 = "axe.neg"(%t2) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %d3 = "axe.dot_general"(%n2, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %e3 = "axe.exp"(%d3) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %t3 = "axe.sin"(%e3) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %n3 = "axe.neg"(%t3) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %n3 : tensor<2x8xf32>
}

// What reads other dtypes is another op, though its results have the same type.
// CHECK-LABEL: func.func @dtypes(
// CHECK-NOT: control.call
// CHECK: return
func.func @dtypes(%a: tensor<4xi32>, %b: tensor<4xi8>, %c: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %t0 = "axe.cast"(%a) {dtype = i1} : (tensor<4xi32>) -> tensor<4xi1>
  %n0 = "axe.not"(%t0) : (tensor<4xi1>) -> tensor<4xi1>
  %o0 = "axe.or"(%n0, %t0) : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %t1 = "axe.cast"(%b) {dtype = i1} : (tensor<4xi8>) -> tensor<4xi1>
  %n1 = "axe.not"(%t1) : (tensor<4xi1>) -> tensor<4xi1>
  %o1 = "axe.or"(%n1, %t1) : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %t2 = "axe.cast"(%c) {dtype = i1} : (tensor<4xf32>) -> tensor<4xi1>
  %n2 = "axe.not"(%t2) : (tensor<4xi1>) -> tensor<4xi1>
  %o2 = "axe.or"(%n2, %t2) : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return %o0, %o1, %o2 : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// The functions, in order of their callers.
// CHECK-LABEL: func.func private @residual.repeat(
// CHECK-SAME: %[[H:.*]]: tensor<2x8xf32>, %[[W:.*]]: tensor<8x8xf32>, %[[X:.*]]: tensor<2x8xf32>)
// CHECK-NEXT: %[[D:.*]] = "axe.dot_general"(%[[H]], %[[W]])
// CHECK-NEXT: %[[Y:.*]] = "axe.add"(%[[X]], %[[D]])
// CHECK-NEXT: %[[T:.*]] = "axe.tanh"(%[[Y]])
// CHECK-NEXT: return %[[Y]], %[[T]]

// CHECK-LABEL: func.func private @shared.repeat(
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>, %[[SIN:.*]]: tensor<8x8xf32>, %[[S:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[D:.*]] = "axe.dot_general"(%[[X]], %[[SIN]])
// CHECK-NEXT: %[[B:.*]] = "axe.broadcast"(%[[S]])
// CHECK-NEXT: %[[A:.*]] = "axe.add"(%[[D]], %[[B]])
// CHECK-NEXT: %[[C:.*]] = "axe.constant"()
// CHECK-NEXT: %[[H:.*]] = "axe.broadcast"(%[[C]])
// CHECK-NEXT: %[[M:.*]] = "axe.mul"(%[[A]], %[[H]])
// CHECK-NEXT: return %[[M]]
