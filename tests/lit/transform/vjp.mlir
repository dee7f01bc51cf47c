// RUN: axec opt --pass transform --pass simplify %s | filecheck %s

// The gradient of a matrix product is two products, their axes where x and w have them.
func.func private @matmul(%x: tensor<3x5xf32>, %w: tensor<5x7xf32>) -> tensor<3x7xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<3x5xf32>, tensor<5x7xf32>) -> tensor<3x7xf32>
  return %0 : tensor<3x7xf32>
}

// CHECK-LABEL: @both(
// CHECK-SAME: %[[X:.*]]: tensor<3x5xf32>, %[[W:.*]]: tensor<5x7xf32>, %[[G:.*]]: tensor<3x7xf32>
func.func @both(%x: tensor<3x5xf32>, %w: tensor<5x7xf32>, %g: tensor<3x7xf32>) -> (tensor<3x5xf32>, tensor<5x7xf32>) {
  // CHECK-NEXT: %[[DX:.*]] = "axe.dot_general"(%[[G]], %[[W]]) {{.*}}contract_x = array<i64: 1>, contract_y = array<i64: 1>}
  // CHECK-NEXT: %[[DW:.*]] = "axe.dot_general"(%[[X]], %[[G]]) {{.*}}contract_x = array<i64: 0>, contract_y = array<i64: 0>}
  // CHECK-NEXT: return %[[DX]], %[[DW]]
  %y, %dx, %dw = "fn.vjp"(%x, %w, %g) {callee = @matmul, wrt = array<i64: 0, 1>, seeds = array<i64: 0>} : (tensor<3x5xf32>, tensor<5x7xf32>, tensor<3x7xf32>) -> (tensor<3x7xf32>, tensor<3x5xf32>, tensor<5x7xf32>)
  return %dx, %dw : tensor<3x5xf32>, tensor<5x7xf32>
}

// Near miss: with respect to w alone there is no product for x.
// CHECK-LABEL: @one(
// CHECK-COUNT-1: axe.dot_general
// CHECK-NOT: axe.dot_general
// CHECK: return
func.func @one(%x: tensor<3x5xf32>, %w: tensor<5x7xf32>, %g: tensor<3x7xf32>) -> tensor<5x7xf32> {
  %y, %dw = "fn.vjp"(%x, %w, %g) {callee = @matmul, wrt = array<i64: 1>, seeds = array<i64: 0>} : (tensor<3x5xf32>, tensor<5x7xf32>, tensor<3x7xf32>) -> (tensor<3x7xf32>, tensor<5x7xf32>)
  return %dw : tensor<5x7xf32>
}

// What was repeated adds up.
func.func private @repeat(%x: tensor<3x1xf32>) -> tensor<?x3x5xf32, ["batch"]> {
  %0 = "axe.broadcast"(%x) {shape = ["batch", 3, 5], axes = array<i64: 1, 2>} : (tensor<3x1xf32>) -> tensor<?x3x5xf32, ["batch"]>
  return %0 : tensor<?x3x5xf32, ["batch"]>
}

// CHECK-LABEL: @broadcast(
// CHECK-NEXT: %[[SUM:.*]] = "axe.reduce"({{.*}}) {axes = array<i64: 0, 2>, kind = "sum"}
// CHECK-NEXT: "axe.reshape"(%[[SUM]])
func.func @broadcast(%x: tensor<3x1xf32>, %g: tensor<?x3x5xf32, ["batch"]>) -> tensor<3x1xf32> {
  %y, %dx = "fn.vjp"(%x, %g) {callee = @repeat, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3x1xf32>, tensor<?x3x5xf32, ["batch"]>) -> (tensor<?x3x5xf32, ["batch"]>, tensor<3x1xf32>)
  return %dx : tensor<3x1xf32>
}

// A step function has the derivative zero, and what is not reached too.
func.func private @step(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.floor"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: @zero(
// CHECK-NOT: axe.floor
// CHECK: "axe.constant"() {value = dense<0.000000e+00>
func.func @zero(%x: tensor<3xf32>, %g: tensor<3xf32>) -> tensor<3xf32> {
  %y, %dx = "fn.vjp"(%x, %g) {callee = @step, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %dx : tensor<3xf32>
}

// Callees come first: the second derivative of sin is -sin.
func.func private @sin(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.sin"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func private @d_sin(%x: tensor<3xf32>, %g: tensor<3xf32>) -> tensor<3xf32> {
  %y, %dx = "fn.vjp"(%x, %g) {callee = @sin, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %dx : tensor<3xf32>
}

// CHECK-LABEL: @twice(
// CHECK-SAME: %[[X:.*]]: tensor<3xf32>, %[[G:.*]]: tensor<3xf32>, %[[H:.*]]: tensor<3xf32>
// CHECK-NEXT: %[[HG:.*]] = "axe.mul"(%[[H]], %[[G]])
// CHECK-NEXT: %[[SIN:.*]] = "axe.sin"(%[[X]])
// CHECK-NEXT: %[[P:.*]] = "axe.mul"(%[[HG]], %[[SIN]])
// CHECK-NEXT: %[[N:.*]] = "axe.neg"(%[[P]])
// CHECK-NEXT: return %[[N]]
func.func @twice(%x: tensor<3xf32>, %g: tensor<3xf32>, %h: tensor<3xf32>) -> tensor<3xf32> {
  %dx, %ddx = "fn.vjp"(%x, %g, %h) {callee = @d_sin, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %ddx : tensor<3xf32>
}
