// RUN: axec opt %s --pass fuse | filecheck %s
// Two kernels become one with several results.

// A new momentum is returned, and used for the new weight.
// CHECK-LABEL: @momentum(
// CHECK-NEXT: %0:2 = "kernel.fused"(%arg1, %arg2, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<0.899999976> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %3 = "axe.mul"(%arg3, %2)
// CHECK-NEXT: %4 = "axe.add"(%3, %arg4)
// CHECK-NEXT: %5 = "axe.constant"() {value = dense<1.000000e-01> : tensor<f32>}
// CHECK-NEXT: %6 = "axe.broadcast"(%5) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %7 = "axe.mul"(%4, %6)
// CHECK-NEXT: %8 = "axe.sub"(%arg5, %7)
// CHECK-NEXT: "kernel.yield"(%4, %8)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0#1, %0#0
func.func @momentum(%arg0: tensor<?xf32, ["n"]>, %arg1: tensor<?xf32, ["n"]>, %arg2: tensor<?xf32, ["n"]>) -> (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) {
  %0 = "axe.constant"() {value = dense<0.899999976> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %2 = "axe.mul"(%arg1, %1) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  %3 = "axe.add"(%2, %arg2) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  %4 = "axe.constant"() {value = dense<1.000000e-01> : tensor<f32>} : () -> tensor<f32>
  %5 = "axe.broadcast"(%4) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %6 = "axe.mul"(%3, %5) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  %7 = "axe.sub"(%arg0, %6) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  return %7, %3 : tensor<?xf32, ["n"]>, tensor<?xf32, ["n"]>
}

// Near miss: another kernel has to run between the two.
// CHECK-LABEL: @between(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: %2 = "kernel.fused"(%1, %0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = [4, 4]}
// CHECK-NEXT: %5 = "axe.add"(%arg2, %4)
// CHECK-NEXT: "kernel.yield"(%5)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %3 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.reverse"(%arg1) {axes = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %2, %3
func.func @between(%arg0: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = "axe.exp"(%arg0) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"} : (tensor<4x4xf32>) -> tensor<4xf32>
  %2 = "axe.broadcast"(%1) {axes = array<i64: 1>, shape = [4, 4]} : (tensor<4xf32>) -> tensor<4x4xf32>
  %3 = "axe.add"(%0, %2) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = "axe.reverse"(%0) {axes = array<i64: 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %3, %4 : tensor<4x4xf32>, tensor<4x4xf32>
}
