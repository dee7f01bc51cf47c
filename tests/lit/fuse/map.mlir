// RUN: axec opt %s --pass fuse | filecheck %s
// Groups of pointwise and rearranging ops.

// A producer with one reader joins it; the constant and the broadcast come along.
// CHECK-LABEL: @chain(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = ["n", 8]}
// CHECK-NEXT: %3 = "axe.mul"(%arg2, %2)
// CHECK-NEXT: %4 = "axe.broadcast"(%arg3) {axes = array<i64: 1>, shape = ["n", 8]}
// CHECK-NEXT: %5 = "axe.add"(%3, %4)
// CHECK-NEXT: %6 = "axe.tanh"(%5)
// CHECK-NEXT: "kernel.yield"(%6)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @chain(%arg0: tensor<?x8xf32, ["n"]>, %arg1: tensor<8xf32>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n", 8]} : (tensor<f32>) -> tensor<?x8xf32, ["n"]>
  %2 = "axe.mul"(%arg0, %1) : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %3 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = ["n", 8]} : (tensor<8xf32>) -> tensor<?x8xf32, ["n"]>
  %4 = "axe.add"(%2, %3) : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %5 = "axe.tanh"(%4) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %5 : tensor<?x8xf32, ["n"]>
}

// What is cheap is computed in every kernel that reads it: here a mask from positions.
// CHECK-LABEL: @cheap_in_both(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [8, 8]}
// CHECK-NEXT: %3 = "axe.iota"() {axis = 1 : i64, dtype = i32, shape = [8, 8]}
// CHECK-NEXT: %4 = "axe.compare"(%2, %3) {direction = "le"}
// CHECK-NEXT: %5 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %6 = "axe.broadcast"(%5) {axes = array<i64>, shape = [8, 8]}
// CHECK-NEXT: %7 = "axe.select"(%4, %arg2, %6)
// CHECK-NEXT: "kernel.yield"(%7)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [8, 8]}
// CHECK-NEXT: %3 = "axe.iota"() {axis = 1 : i64, dtype = i32, shape = [8, 8]}
// CHECK-NEXT: %4 = "axe.compare"(%2, %3) {direction = "le"}
// CHECK-NEXT: %5 = "axe.exp"(%arg2)
// CHECK-NEXT: %6 = "axe.select"(%4, %5, %arg2)
// CHECK-NEXT: %7 = "axe.reverse"(%6) {axes = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%7)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0, %1
func.func @cheap_in_both(%arg0: tensor<8x8xf32>, %arg1: tensor<3x3xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = "axe.iota"() {axis = 0 : i64, dtype = i32, shape = [8, 8]} : () -> tensor<8x8xi32>
  %1 = "axe.iota"() {axis = 1 : i64, dtype = i32, shape = [8, 8]} : () -> tensor<8x8xi32>
  %2 = "axe.compare"(%0, %1) {direction = "le"} : (tensor<8x8xi32>, tensor<8x8xi32>) -> tensor<8x8xi1>
  %3 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = [8, 8]} : (tensor<f32>) -> tensor<8x8xf32>
  %5 = "axe.select"(%2, %arg0, %4) : (tensor<8x8xi1>, tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %6 = "axe.exp"(%arg0) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %7 = "axe.select"(%2, %6, %arg0) : (tensor<8x8xi1>, tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %8 = "axe.reverse"(%7) {axes = array<i64: 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %5, %8 : tensor<8x8xf32>, tensor<8x8xf32>
}

// Near miss: what is costly is stored once.
// CHECK-LABEL: @costly_in_neither(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.tanh"(%arg1)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.reverse"(%arg1) {axes = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %2 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "max"}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %1, %2
func.func @costly_in_neither(%arg0: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) {
  %0 = "axe.tanh"(%arg0) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = "axe.reverse"(%0) {axes = array<i64: 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "max"} : (tensor<8x8xf32>) -> tensor<8xf32>
  return %1, %2 : tensor<8x8xf32>, tensor<8xf32>
}

// An addition is repeated for every row of a broadcast ...
// CHECK-LABEL: @repeated_sum(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.add"(%arg2, %arg2)
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64: 1>, shape = [4, 8]}
// CHECK-NEXT: %3 = "axe.mul"(%arg3, %2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @repeated_sum(%arg0: tensor<8xf32>, %arg1: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = "axe.add"(%arg0, %arg0) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1>, shape = [4, 8]} : (tensor<8xf32>) -> tensor<4x8xf32>
  %2 = "axe.mul"(%arg1, %1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// ... a root is not.
// CHECK-LABEL: @stored_root(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.sqrt"(%arg2)
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.broadcast"(%arg2) {axes = array<i64: 1>, shape = [4, 8]}
// CHECK-NEXT: %3 = "axe.mul"(%arg3, %2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @stored_root(%arg0: tensor<8xf32>, %arg1: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = "axe.sqrt"(%arg0) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1>, shape = [4, 8]} : (tensor<8xf32>) -> tensor<4x8xf32>
  %2 = "axe.mul"(%arg1, %1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// A value that is read at two indices would be computed twice: it is stored.
// CHECK-LABEL: @two_places(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.transpose"(%arg1) {perm = array<i64: 1, 0>}
// CHECK-NEXT: %3 = "axe.add"(%arg1, %2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @two_places(%arg0: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = "axe.add"(%0, %1) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// A reshape is a view and stays in the function ...
// CHECK-LABEL: @view(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [24]}
// CHECK-NEXT: %2 = "kernel.fused"(%1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %2
func.func @view(%arg0: tensor<4x6xf32>) -> tensor<24xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %1 = "axe.reshape"(%0) {shape = [24]} : (tensor<4x6xf32>) -> tensor<24xf32>
  %2 = "axe.exp"(%1) : (tensor<24xf32>) -> tensor<24xf32>
  return %2 : tensor<24xf32>
}

// ... unless it only moves axes of size 1.
// CHECK-LABEL: @unit_view(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.exp"(%arg2)
// CHECK-NEXT: %2 = "axe.reshape"(%1) {shape = [4, 1, 6]}
// CHECK-NEXT: %3 = "axe.add"(%2, %arg3)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @unit_view(%arg0: tensor<4x6xf32>, %arg1: tensor<4x1x6xf32>) -> tensor<4x1x6xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %1 = "axe.reshape"(%0) {shape = [4, 1, 6]} : (tensor<4x6xf32>) -> tensor<4x1x6xf32>
  %2 = "axe.add"(%1, %arg1) : (tensor<4x1x6xf32>, tensor<4x1x6xf32>) -> tensor<4x1x6xf32>
  return %2 : tensor<4x1x6xf32>
}

// Gathers and windows at run-time offsets are map kernels, with what makes their indices.
// CHECK-LABEL: @gather(
// CHECK-NEXT: %0 = "kernel.fused"(%arg1, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.add"(%arg2, %arg2)
// CHECK-NEXT: %2 = "axe.take"(%arg3, %1) {axis = 0 : i64}
// CHECK-NEXT: %3 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = ["n", 8]}
// CHECK-NEXT: %5 = "axe.mul"(%2, %4)
// CHECK-NEXT: "kernel.yield"(%5)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %0
func.func @gather(%arg0: tensor<32x8xf32>, %arg1: tensor<?xi32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.add"(%arg1, %arg1) : (tensor<?xi32, ["n"]>, tensor<?xi32, ["n"]>) -> tensor<?xi32, ["n"]>
  %1 = "axe.take"(%arg0, %0) {axis = 0 : i64} : (tensor<32x8xf32>, tensor<?xi32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %2 = "axe.take"(%arg0, %arg1) {axis = 0 : i64} : (tensor<32x8xf32>, tensor<?xi32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %3 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = ["n", 8]} : (tensor<f32>) -> tensor<?x8xf32, ["n"]>
  %5 = "axe.mul"(%1, %4) : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %5 : tensor<?x8xf32, ["n"]>
}
