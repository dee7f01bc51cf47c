// RUN: axec opt --pass transform --pass simplify %s | filecheck %s

func.func private @matmul(%x: tensor<3x5xf32>, %w: tensor<5x7xf32>) -> tensor<3x7xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<3x5xf32>, tensor<5x7xf32>) -> tensor<3x7xf32>
  return %0 : tensor<3x7xf32>
}

// A batch axis of both operands is one of the product; where it stands in x is taken in.
// CHECK-LABEL: @both(
// CHECK-NEXT: %[[Y:.*]] = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64: 1>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 1>}
// CHECK-NEXT: return %[[Y]]
func.func @both(%x: tensor<3x?x5xf32, ["batch"]>, %w: tensor<?x5x7xf32, ["batch"]>) -> tensor<?x3x7xf32, ["batch"]> {
  %0 = "fn.vmap"(%x, %w) {callee = @matmul, in_axes = array<i64: 1, 0>, out_axes = array<i64: 0>} : (tensor<3x?x5xf32, ["batch"]>, tensor<?x5x7xf32, ["batch"]>) -> tensor<?x3x7xf32, ["batch"]>
  return %0 : tensor<?x3x7xf32, ["batch"]>
}

// Near miss: of one operand it is a free axis, and w is not repeated.
// CHECK-LABEL: @one(
// CHECK-NEXT: %[[Y:.*]] = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 0>}
// CHECK-NEXT: return %[[Y]]
func.func @one(%x: tensor<8x3x5xf32>, %w: tensor<5x7xf32>) -> tensor<8x3x7xf32> {
  %0 = "fn.vmap"(%x, %w) {callee = @matmul, in_axes = array<i64: 0, -1>, out_axes = array<i64: 0>} : (tensor<8x3x5xf32>, tensor<5x7xf32>) -> tensor<8x3x7xf32>
  return %0 : tensor<8x3x7xf32>
}

func.func private @total(%x: tensor<3xf32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axe.reduce"(%x) {kind = "sum", axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
  %1 = "axe.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// Axes count from 1 behind the batch axis; what does not vary has none.
// CHECK-LABEL: @fold(
// CHECK-DAG: "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"}
// CHECK-DAG: "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NOT: broadcast
func.func @fold(%x: tensor<8x3xf32>) -> (tensor<8xf32>, tensor<f32>) {
  %0, %1 = "fn.vmap"(%x) {callee = @total, in_axes = array<i64: 0>, out_axes = array<i64: 0, -1>} : (tensor<8x3xf32>) -> (tensor<8xf32>, tensor<f32>)
  return %0, %1 : tensor<8xf32>, tensor<f32>
}
