// RUN: axec opt --verify-each --pass simplify %s | filecheck %s
// What simplify does to branches and loops. Bodies change with the op that runs them; equal bodies
// become one.

func.func private @double(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axe.add"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @twice_as_much(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axe.add"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @negate(%x: tensor<f32>) -> tensor<f32> {
  %0 = "axe.neg"(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// RULE: switch on a number, or of one body => that body
// CHECK-LABEL: func.func @known_branch(
// CHECK-NEXT: %[[Y:.*]] = "axe.neg"(%arg0)
// CHECK-NEXT: return %[[Y]]
func.func @known_branch(%x: tensor<f32>) -> tensor<f32> {
  %i = "axe.constant"() {value = dense<7> : tensor<i32>} : () -> tensor<i32>
  %0 = "control.switch"(%i, %x) {branches = [@double, @negate]} : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK-LABEL: func.func @equal_branches(
// CHECK-NEXT: %[[Y:.*]] = "axe.add"(%arg0, %arg0)
// CHECK-NEXT: return %[[Y]]
func.func @equal_branches(%x: tensor<f32>, %i: tensor<i32>) -> tensor<f32> {
  %0 = "control.switch"(%i, %x) {branches = [@double, @twice_as_much]} : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK-LABEL: func.func @open_branch(
// CHECK-NEXT: "control.switch"(%arg1, %arg0)
func.func @open_branch(%x: tensor<f32>, %i: tensor<i32>) -> tensor<f32> {
  %0 = "control.switch"(%i, %x) {branches = [@double, @negate]} : (tensor<i32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

func.func private @add_row(%i: tensor<i64>, %c: tensor<f32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axe.add"(%c, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %0 : tensor<f32>, tensor<f32>
}

// RULE: scan of no rounds => the carry at the start; of one round => its body
// CHECK-LABEL: func.func @one_round(
// CHECK-NEXT: %[[X:.*]] = "axe.reshape"(%arg1) {shape = []}
// CHECK-NEXT: %[[C:.*]] = "axe.add"(%arg0, %[[X]])
// CHECK-NEXT: %[[Y:.*]] = "axe.reshape"(%[[C]]) {shape = [1]}
// CHECK-NEXT: return %[[C]], %[[Y]]
func.func @one_round(%c: tensor<f32>, %xs: tensor<1xf32>) -> (tensor<f32>, tensor<1xf32>) {
  %0, %1 = "control.scan"(%c, %xs) {body = @add_row, carries = 1 : i64, xs = 1 : i64, length = "1", reverse = false} : (tensor<f32>, tensor<1xf32>) -> (tensor<f32>, tensor<1xf32>)
  return %0, %1 : tensor<f32>, tensor<1xf32>
}
// CHECK-LABEL: func.func @two_rounds(
// CHECK-NEXT: control.scan
func.func @two_rounds(%c: tensor<f32>, %xs: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>) {
  %0, %1 = "control.scan"(%c, %xs) {body = @add_row, carries = 1 : i64, xs = 1 : i64, length = "2", reverse = false} : (tensor<f32>, tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>)
  return %0, %1 : tensor<f32>, tensor<2xf32>
}

// The second carry serves itself alone; of the ys nobody asks for the first.
func.func private @with_count(%i: tensor<i64>, %c: tensor<f32>, %n: tensor<f32>, %x: tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  %0 = "axe.add"(%c, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axe.exp"(%n) : (tensor<f32>) -> tensor<f32>
  %2 = "axe.sin"(%0) : (tensor<f32>) -> tensor<f32>
  return %0, %1, %n, %2 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}

// RULE: results that nobody uses, and carries that serve them alone => none
// RULE: operands that no body uses => none
// CHECK-LABEL: func.func @unused(
// CHECK-NEXT: %[[R:.*]]:2 = "control.scan"(%arg0, %arg2) {{.*}}carries = 1 : i64
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @unused(%c: tensor<f32>, %n: tensor<f32>, %xs: tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>) {
  %0:4 = "control.scan"(%c, %n, %xs) {body = @with_count, carries = 2 : i64, xs = 1 : i64, length = "4", reverse = false} : (tensor<f32>, tensor<f32>, tensor<4xf32>) -> (tensor<f32>, tensor<f32>, tensor<4xf32>, tensor<4xf32>)
  return %0#0, %0#3 : tensor<f32>, tensor<4xf32>
}

// The count of a while is no result, but the condition reads it.
func.func private @few(%c: tensor<f32>, %n: tensor<i64>, %step: tensor<f32>, %limit: tensor<i64>) -> tensor<i1> {
  %0 = "axe.compare"(%n, %limit) {direction = "lt"} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @more(%c: tensor<f32>, %n: tensor<i64>, %step: tensor<f32>, %limit: tensor<i64>) -> (tensor<f32>, tensor<i64>) {
  %0 = "axe.add"(%c, %step) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = "axe.add"(%n, %limit) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0, %1 : tensor<f32>, tensor<i64>
}
// RULE: operands that are numbers => numbers in the bodies
// CHECK-LABEL: func.func @counted(
// CHECK-NEXT: %[[R:.*]]:2 = "control.while"(%arg0, %arg1) {{.*}}carries = 2 : i64
// CHECK-NEXT: return %[[R]]#0
func.func @counted(%c: tensor<f32>, %n: tensor<i64>) -> tensor<f32> {
  %step = "axe.constant"() {value = dense<1.5> : tensor<f32>} : () -> tensor<f32>
  %limit = "axe.constant"() {value = dense<8> : tensor<i64>} : () -> tensor<i64>
  %0:2 = "control.while"(%c, %n, %step, %limit) {condition = @few, body = @more, carries = 2 : i64} : (tensor<f32>, tensor<i64>, tensor<f32>, tensor<i64>) -> (tensor<f32>, tensor<i64>)
  return %0#0 : tensor<f32>
}

func.func private @scaled(%i: tensor<i64>, %c: tensor<3xf32>, %w: tensor<3xf32>, %x: tensor<3xf32>, %y: tensor<3xf32>, %a: tensor<3xf32>, %b: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %0 = "axe.exp"(%a) : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.mul"(%0, %w) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = "axe.mul"(%1, %c) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %3 = "axe.add"(%2, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %4 = "axe.add"(%3, %b) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %5 = "axe.add"(%4, %y) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %5, %w, %5, %5, %x, %a : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// exp(a) * w is computed once; of the loop one carry, xs and ys are left.
// RULE: operands that are one value => one of them
// RULE: a carry that stays as it is => a const
// RULE: xs that are one row repeated => that row as a const
// RULE: ys that are one value => one of them
// RULE: ys that are the rows of xs => xs; that are the same in all rounds => it repeated
// RULE: ops on consts alone, but constants and broadcasts => before the loop
// CHECK-LABEL: func.func @same_in_all_rounds(
// CHECK-SAME: %[[C:.*]]: tensor<3xf32>, %[[W:.*]]: tensor<3xf32>, %[[XS:.*]]: tensor<4x3xf32>, %[[ROW:.*]]: tensor<3xf32>, %[[A:.*]]: tensor<3xf32>
// CHECK-DAG: %[[E:.*]] = "axe.exp"(%[[A]])
// CHECK-DAG: %[[F:.*]] = "axe.mul"(%[[E]], %[[W]])
// CHECK-DAG: %[[R:.*]]:2 = "control.scan"(%[[C]], %[[XS]], %[[A]], %[[ROW]], %[[F]]) {{.*}}carries = 1 : i64, {{.*}}xs = 1 : i64
// CHECK-DAG: %[[AS:.*]] = "axe.broadcast"(%[[A]]) {axes = array<i64: 1>, shape = [4, 3]}
// CHECK: return %[[R]]#0, %[[W]], %[[R]]#1, %[[R]]#1, %[[XS]], %[[AS]]
func.func @same_in_all_rounds(%c: tensor<3xf32>, %w: tensor<3xf32>, %xs: tensor<4x3xf32>, %row: tensor<3xf32>, %a: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) {
  %ys = "axe.broadcast"(%row) {shape = [4, 3], axes = array<i64: 1>} : (tensor<3xf32>) -> tensor<4x3xf32>
  %0:6 = "control.scan"(%c, %w, %xs, %ys, %a, %a) {body = @scaled, carries = 2 : i64, xs = 2 : i64, length = "4", reverse = false} : (tensor<3xf32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>)
  return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5 : tensor<3xf32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
}

// Row i of a table, where a negative i would count from the end.
func.func private @row(%i: tensor<i64>, %c: tensor<f32>, %t: tensor<4xf32>) -> tensor<f32> {
  %0 = "axe.constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %1 = "axe.constant"() {value = dense<4> : tensor<i64>} : () -> tensor<i64>
  %2 = "axe.compare"(%i, %0) {direction = "lt"} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  %3 = "axe.add"(%i, %1) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %4 = "axe.select"(%2, %3, %i) : (tensor<i1>, tensor<i64>, tensor<i64>) -> tensor<i64>
  %5 = "axe.take"(%t, %4) {axis = 0 : i64} : (tensor<4xf32>, tensor<i64>) -> tensor<f32>
  %6 = "axe.add"(%c, %5) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %6 : tensor<f32>
}
// RULE: position of a scan, plus numbers >= 0, less than a number <= 0 => false
// CHECK-LABEL: func.func @rows_of_a_table(
func.func @rows_of_a_table(%c: tensor<f32>, %t: tensor<4xf32>) -> tensor<f32> {
  %0 = "control.scan"(%c, %t) {body = @row, carries = 1 : i64, xs = 0 : i64, length = "4", reverse = false} : (tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK-NOT: axe.compare
// CHECK-NOT: axe.select

// @add_row was of three functions' loops; it is one function still.
// CHECK-NOT: @add_row.
