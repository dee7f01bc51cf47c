// RUN: axec opt --verify-each --pass transform --pass simplify %s | filecheck %s

// h[i] = tanh(h[i-1] * w + x[i]); the gradient of the last h with respect to w and xs.
func.func private @step(%i: tensor<i64>, %h: tensor<3xf32>, %x: tensor<3xf32>, %w: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.mul"(%h, %w) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.add"(%0, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = "axe.tanh"(%1) : (tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}
func.func private @rnn(%h: tensor<3xf32>, %xs: tensor<?x3xf32, ["time"]>, %w: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "control.scan"(%h, %xs, %w) {body = @step, carries = 1 : i64, xs = 1 : i64, length = "time", reverse = false} : (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// The way ahead saves what the way back reads: tanh and the h before it. The way back runs from the
// last row to the first, carries the cotangent of h, adds up that of w and gives those of xs.
// CHECK-LABEL: func.func @reverse(
// CHECK-SAME: %[[H:.*]]: tensor<3xf32>, %[[XS:.*]]: tensor<?x3xf32, ["time"]>, %[[W:.*]]: tensor<3xf32>, %[[G:.*]]: tensor<3xf32>
// CHECK: %[[A:.*]]:3 = "control.scan"(%[[H]], %[[XS]], %[[W]]) {body = @[[AHEAD:.*]], carries = 1 : i64, length = "time", reverse = false, xs = 1 : i64}
// CHECK: %[[B:.*]]:3 = "control.scan"(%[[G]], %{{.*}}, %[[A]]#{{.}}, %[[A]]#{{.}}, %[[W]]) {body = @[[BACK:.*]], carries = 2 : i64, length = "time", reverse = true, xs = 2 : i64}
// CHECK-NEXT: return %[[B]]#2, %[[B]]#1
func.func @reverse(%h: tensor<3xf32>, %xs: tensor<?x3xf32, ["time"]>, %w: tensor<3xf32>, %g: tensor<3xf32>) -> (tensor<?x3xf32, ["time"]>, tensor<3xf32>) {
  %y, %dxs, %dw = "fn.vjp"(%h, %xs, %w, %g) {callee = @rnn, wrt = array<i64: 1, 2>, seeds = array<i64: 0>} : (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>)
  return %dxs, %dw : tensor<?x3xf32, ["time"]>, tensor<3xf32>
}

// Forward mode carries tangents beside values; there is none of xs, which do not vary.
// CHECK-LABEL: func.func @forward(
// CHECK: "control.scan"({{.*}}) {{.*}}carries = 2 : i64, {{.*}}xs = 1 : i64
// CHECK-NEXT: return
func.func @forward(%h: tensor<3xf32>, %xs: tensor<?x3xf32, ["time"]>, %w: tensor<3xf32>, %t: tensor<3xf32>) -> tensor<3xf32> {
  %y, %dy = "fn.jvp"(%h, %xs, %w, %t) {callee = @rnn, wrt = array<i64: 2>, outs = array<i64: 0>} : (tensor<3xf32>, tensor<?x3xf32, ["time"]>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %dy : tensor<3xf32>
}

// A batch of sequences is one loop over time: the batch axis moves behind it.
// CHECK-LABEL: func.func @batch(
// CHECK-DAG: %[[T:.*]] = "axe.transpose"(%arg1) {perm = array<i64: 1, 0, 2>}
// CHECK: "control.scan"(%{{.*}}, %[[T]], %arg2) {{.*}}xs = 1 : i64{{.*}} -> tensor<8x3xf32>
func.func @batch(%h: tensor<3xf32>, %xs: tensor<8x?x3xf32, ["time"]>, %w: tensor<3xf32>) -> tensor<8x3xf32> {
  %0 = "fn.vmap"(%h, %xs, %w) {callee = @rnn, in_axes = array<i64: -1, 0, -1>, out_axes = array<i64: 0>} : (tensor<3xf32>, tensor<8x?x3xf32, ["time"]>, tensor<3xf32>) -> tensor<8x3xf32>
  return %0 : tensor<8x3xf32>
}

func.func private @sin(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.sin"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func private @square(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.mul"(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func private @either(%i: tensor<i32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "control.switch"(%i, %x) {branches = [@sin, @square]} : (tensor<i32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// The way back of a branch is a branch; the branch itself is gone where only its derivative is used.
// CHECK-LABEL: func.func @branch(
// CHECK-NEXT: %[[D:.*]] = "control.switch"(%arg0, %arg1, %arg2) {branches = [@{{.*}}, @{{.*}}]}
// CHECK-NEXT: return %[[D]]
func.func @branch(%i: tensor<i32>, %x: tensor<3xf32>, %g: tensor<3xf32>) -> tensor<3xf32> {
  %y, %dx = "fn.vjp"(%i, %x, %g) {callee = @either, wrt = array<i64: 1>, seeds = array<i64: 0>} : (tensor<i32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %dx : tensor<3xf32>
}

// Where the index differs over the batch, all branches run.
// CHECK-LABEL: func.func @branches(
// CHECK-NOT: control.switch
// CHECK-DAG: "axe.sin"(%arg1)
// CHECK-DAG: "axe.mul"(%arg1, %arg1)
// CHECK: "axe.select"
func.func @branches(%i: tensor<8xi32>, %x: tensor<8x3xf32>) -> tensor<8x3xf32> {
  %0 = "fn.vmap"(%i, %x) {callee = @either, in_axes = array<i64: 0, 0>, out_axes = array<i64: 0>} : (tensor<8xi32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  return %0 : tensor<8x3xf32>
}
