// RUN: axec opt --verify-each --pass transform --pass decompose --pass simplify %s | filecheck %s

// A body is a private function. It sees its arguments alone, and the named dims of who runs it.

// Branches have the same types: %n says which one runs, 0 or 1 here; below 0 means 0, above 1 is 1.
func.func private @double(%x: tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]> {
  %0 = "axe.add"(%x, %x) : (tensor<?x3xf32, ["batch"]>, tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  return %0 : tensor<?x3xf32, ["batch"]>
}
func.func private @negate(%x: tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]> {
  %0 = "axe.neg"(%x) : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  return %0 : tensor<?x3xf32, ["batch"]>
}

// CHECK-LABEL: func.func @branch(
// CHECK-SAME: %[[X:.*]]: tensor<?x3xf32, ["batch"]>, %[[N:.*]]: tensor<i32>
// CHECK: "control.switch"(%[[N]], %[[X]]) {branches = [@double, @negate]}
func.func @branch(%x: tensor<?x3xf32, ["batch"]>, %n: tensor<i32>) -> tensor<?x3xf32, ["batch"]> attributes {axe.dims = {batch = [1, 8]}} {
  %0 = "control.switch"(%n, %x) {branches = [@double, @negate]} : (tensor<i32>, tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  return %0 : tensor<?x3xf32, ["batch"]>
}

// Ops that stood in several places are one function, which is simplified once (see tests/lit/roll).
// CHECK-LABEL: func.func @four(
// CHECK-SAME: %[[X:.*]]: tensor<?x3xf32, ["batch"]>)
// CHECK: %[[Y:.*]] = "control.call"(%[[X]]) {callee = @double}
// CHECK: "control.call"(%[[Y]]) {callee = @double}
func.func @four(%x: tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]> attributes {axe.dims = {batch = [1, 8]}} {
  %0 = "control.call"(%x) {callee = @double} : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  %1 = "control.call"(%0) {callee = @double} : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  return %1 : tensor<?x3xf32, ["batch"]>
}

// The carry comes first, then what stays as it is in all rounds (here %limit).
func.func private @below(%x: tensor<f32>, %limit: tensor<f32>) -> tensor<i1> {
  %0 = "axe.compare"(%x, %limit) {direction = "lt"} : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %0 : tensor<i1>
}
func.func private @twice(%x: tensor<f32>, %limit: tensor<f32>) -> tensor<f32> {
  %0 = "axe.add"(%x, %x) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @until(
// CHECK: "control.while"(%{{.*}}, %{{.*}}) {body = @twice, carries = 1 : i64, condition = @below}
func.func @until(%x: tensor<f32>, %limit: tensor<f32>) -> tensor<f32> {
  %0 = "control.while"(%x, %limit) {condition = @below, body = @twice, carries = 1 : i64} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// One round of a scan sees its number, the carry, a row of each of xs, and the consts; it gives the
// carry and a row of each of ys. This one is y[i] = c[i] = c[i-1] * w + x[i].
func.func private @step(%i: tensor<i64>, %c: tensor<3xf32>, %x: tensor<3xf32>, %w: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = "axe.mul"(%c, %w) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.add"(%0, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %1, %1 : tensor<3xf32>, tensor<3xf32>
}

// Private functions that only fn ops applied are gone after transform; bodies stay.
func.func private @rows(%c: tensor<3xf32>, %xs: tensor<?x3xf32, ["time"]>, %w: tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, ["time"]>) {
  %0, %1 = "control.scan"(%c, %xs, %w) {body = @step, carries = 1 : i64, xs = 1 : i64, length = "time", reverse = false} : (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, ["time"]>)
  return %0, %1 : tensor<3xf32>, tensor<?x3xf32, ["time"]>
}

// CHECK-LABEL: func.func private @step(
// CHECK-NOT: @rows
// CHECK-LABEL: func.func @recurrence(
// CHECK: %[[R:.*]]:2 = "control.scan"(%arg0, %arg1, %arg2) {body = @step, carries = 1 : i64, length = "time", reverse = false, xs = 1 : i64}
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @recurrence(%c: tensor<3xf32>, %xs: tensor<?x3xf32, ["time"]>, %w: tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, ["time"]>) attributes {axe.dims = {time = [1, 64]}} {
  %0, %1 = "fn.call"(%c, %xs, %w) {callee = @rows} : (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, ["time"]>)
  return %0, %1 : tensor<3xf32>, tensor<?x3xf32, ["time"]>
}
