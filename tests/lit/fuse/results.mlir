// RUN: axec opt %s --pass fuse | filecheck %s
// Every result is written by a kernel into a buffer of its own.

// An argument is copied.
// CHECK-LABEL: @argument(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "kernel.yield"(%arg1)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @argument(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  return %arg0 : tensor<4xf32>
}

// A second use of a value is copied, a view of it as well.
// CHECK-LABEL: @twice(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [2, 2]}
// CHECK-NEXT: %2 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "kernel.yield"(%arg1)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %3 = "kernel.fused"(%1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "kernel.yield"(%arg1)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0, %2, %3
func.func @twice(%arg0: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>) {
  %0 = "axe.exp"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.reshape"(%0) {shape = [2, 2]} : (tensor<4xf32>) -> tensor<2x2xf32>
  return %0, %0, %1 : tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>
}

// The view of an argument is copied.
// CHECK-LABEL: @view_of_argument(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [2, 2]}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "kernel.yield"(%arg1)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @view_of_argument(%arg0: tensor<4xf32>) -> tensor<2x2xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [2, 2]} : (tensor<4xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Near miss: the view of a value that a kernel writes needs no copy.
// CHECK-LABEL: @view_of_value(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [2, 2]}
// CHECK-NEXT: return %1
func.func @view_of_value(%arg0: tensor<4xf32>) -> tensor<2x2xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.reshape"(%0) {shape = [2, 2]} : (tensor<4xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// A constant is written by a kernel.
// CHECK-LABEL: @number(
// CHECK-NEXT: %0 = "kernel.fused"() ({
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @number(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
