// RUN: axec opt %s --pass fuse | filecheck %s
// Attention: one kernel from the projections to the merged heads; nothing of size [queries, keys].

// Slices, splits and transposes of operands, a transpose of the result: all of it strides.
// CHECK-LABEL: @heads(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.reshape"(%arg1) {shape = [2, 10, 3, 2, 8]}
// CHECK-NEXT: %3 = "axe.slice"(%2) {start = [0, 0, 0, 0, 0], step = array<i64: 1, 1, 1, 1, 1>, stop = [2, 10, 1, 2, 8]}
// CHECK-NEXT: %4 = "axe.reshape"(%3) {shape = [2, 10, 2, 8]}
// CHECK-NEXT: %5 = "axe.transpose"(%4) {perm = array<i64: 0, 2, 1, 3>}
// CHECK-NEXT: %6 = "axe.attention"(%5, %5, %5) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: %7 = "axe.transpose"(%6) {perm = array<i64: 0, 2, 1, 3>}
// CHECK-NEXT: "kernel.yield"(%7)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [2, 10, 16]}
// CHECK-NEXT: return %1
func.func @heads(%arg0: tensor<2x10x48xf32>) -> tensor<2x10x16xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [2, 10, 3, 2, 8]} : (tensor<2x10x48xf32>) -> tensor<2x10x3x2x8xf32>
  %1 = "axe.slice"(%0) {start = [0, 0, 0, 0, 0], step = array<i64: 1, 1, 1, 1, 1>, stop = [2, 10, 1, 2, 8]} : (tensor<2x10x3x2x8xf32>) -> tensor<2x10x1x2x8xf32>
  %2 = "axe.reshape"(%1) {shape = [2, 10, 2, 8]} : (tensor<2x10x1x2x8xf32>) -> tensor<2x10x2x8xf32>
  %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x10x2x8xf32>) -> tensor<2x2x10x8xf32>
  %4 = "axe.attention"(%3, %3, %3) {causal = true, scale = 5.000000e-01 : f64} : (tensor<2x2x10x8xf32>, tensor<2x2x10x8xf32>, tensor<2x2x10x8xf32>) -> tensor<2x2x10x8xf32>
  %5 = "axe.transpose"(%4) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x2x10x8xf32>) -> tensor<2x10x2x8xf32>
  %6 = "axe.reshape"(%5) {shape = [2, 10, 16]} : (tensor<2x10x2x8xf32>) -> tensor<2x10x16xf32>
  return %6 : tensor<2x10x16xf32>
}

// Heads that share their keys, a mask per key: strides of 0.
// CHECK-LABEL: @shared(
// CHECK-NEXT: %0 = "kernel.fused"(%arg1, %arg2, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.broadcast"(%arg3) {axes = array<i64: 1, 2>, shape = [3, "s", 8]}
// CHECK-NEXT: %2 = "axe.broadcast"(%arg4) {axes = array<i64: 2>, shape = [3, "s", "s"]}
// CHECK-NEXT: %3 = "axe.attention"(%arg5, %1, %1, %2) {causal = false, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: return %0
func.func @shared(%arg0: tensor<3x?x8xf32, ["s"]>, %arg1: tensor<?x8xf32, ["s"]>, %arg2: tensor<?xi1, ["s"]>) -> tensor<3x?x8xf32, ["s"]> {
  %0 = "axe.broadcast"(%arg1) {axes = array<i64: 1, 2>, shape = [3, "s", 8]} : (tensor<?x8xf32, ["s"]>) -> tensor<3x?x8xf32, ["s"]>
  %1 = "axe.broadcast"(%arg2) {axes = array<i64: 2>, shape = [3, "s", "s"]} : (tensor<?xi1, ["s"]>) -> tensor<3x?x?xi1, ["s", "s"]>
  %2 = "axe.attention"(%arg0, %0, %0, %1) {causal = false, scale = 5.000000e-01 : f64} : (tensor<3x?x8xf32, ["s"]>, tensor<3x?x8xf32, ["s"]>, tensor<3x?x8xf32, ["s"]>, tensor<3x?x?xi1, ["s", "s"]>) -> tensor<3x?x8xf32, ["s"]>
  return %2 : tensor<3x?x8xf32, ["s"]>
}

// Ops of the family that share operands are one walk with several results.
// CHECK-LABEL: @backward(
// CHECK-NEXT: %0:2 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.attention"(%arg2, %arg2, %arg2) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: %4 = "axe.attention_lse"(%arg2, %arg2) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3, %4)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: %1 = "kernel.fused"(%arg1, %0#0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.mul"(%arg2, %arg3)
// CHECK-NEXT: %4 = "axe.reduce"(%3) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: %2:2 = "kernel.fused"(%arg0, %arg1, %0#1, %1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.attention_dk"(%arg2, %arg2, %arg2, %arg3, %arg4, %arg5) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: %4 = "axe.attention_dv"(%arg2, %arg2, %arg3, %arg4) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3, %4)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: return %0#0, %2#0, %2#1
func.func @backward(%arg0: tensor<6x8xf32>, %arg1: tensor<6x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) {
  %0 = "axe.attention"(%arg0, %arg0, %arg0) {causal = true, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = "axe.attention_lse"(%arg0, %arg0) {causal = true, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6xf32>
  %2 = "axe.mul"(%arg1, %0) : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  %3 = "axe.reduce"(%2) {axes = array<i64: 1>, kind = "sum"} : (tensor<6x8xf32>) -> tensor<6xf32>
  %4 = "axe.attention_dk"(%arg0, %arg0, %arg0, %arg1, %1, %3) {causal = true, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<6x8xf32>
  %5 = "axe.attention_dv"(%arg0, %arg0, %arg1, %1) {causal = true, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<6x8xf32>
  return %0, %4, %5 : tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>
}

// Near miss: one waits for the other.
// CHECK-LABEL: @waits(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.attention_lse"(%arg1, %arg1) {causal = false, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.broadcast"(%arg1) {axes = array<i64: 0>, shape = [6, 8]}
// CHECK-NEXT: %4 = "axe.add"(%arg2, %3)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %2 = "kernel.fused"(%arg0, %1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.attention"(%arg1, %arg1, %arg2) {causal = false, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: return %2
func.func @waits(%arg0: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = "axe.attention_lse"(%arg0, %arg0) {causal = false, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 0>, shape = [6, 8]} : (tensor<6xf32>) -> tensor<6x8xf32>
  %2 = "axe.add"(%arg0, %1) : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  %3 = "axe.attention"(%arg0, %arg0, %2) {causal = false, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  return %3 : tensor<6x8xf32>
}

// Near miss: rows of the result stay rows.
// CHECK-LABEL: @columns(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.attention"(%arg1, %arg1, %arg1) {causal = false, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.transpose"(%arg1) {perm = array<i64: 1, 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @columns(%arg0: tensor<6x8xf32>) -> tensor<8x6xf32> {
  %0 = "axe.attention"(%arg0, %arg0, %arg0) {causal = false, scale = 5.000000e-01 : f64} : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<6x8xf32>) -> tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// Near miss: axes that a broadcast and a reshape have joined are no single stride; a copy is made.
// CHECK-LABEL: @repeated(
// CHECK-NEXT: %0 = "kernel.fused"(%arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.broadcast"(%arg2) {axes = array<i64: 0, 2, 3>, shape = [2, 2, 6, 8]}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [4, 6, 8]}
// CHECK-NEXT: %2 = "kernel.fused"(%arg0, %1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.attention"(%arg2, %arg3, %arg3) {causal = false, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "attention"}
// CHECK-NEXT: return %2
func.func @repeated(%arg0: tensor<4x6x8xf32>, %arg1: tensor<2x6x8xf32>) -> tensor<4x6x8xf32> {
  %0 = "axe.broadcast"(%arg1) {axes = array<i64: 0, 2, 3>, shape = [2, 2, 6, 8]} : (tensor<2x6x8xf32>) -> tensor<2x2x6x8xf32>
  %1 = "axe.reshape"(%0) {shape = [4, 6, 8]} : (tensor<2x2x6x8xf32>) -> tensor<4x6x8xf32>
  %2 = "axe.attention"(%arg0, %1, %1) {causal = false, scale = 5.000000e-01 : f64} : (tensor<4x6x8xf32>, tensor<4x6x8xf32>, tensor<4x6x8xf32>) -> tensor<4x6x8xf32>
  return %2 : tensor<4x6x8xf32>
}
