// RUN: axec opt %s --pass decompose --pass simplify --pass fuse | filecheck %s
// Reductions over trailing axes with all that belongs to one row.

// A softmax is one kernel.
// CHECK-LABEL: @softmax(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.reduce"(%arg1) {axes = array<i64: 1>, kind = "max"}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64: 0>, shape = ["n", 8]}
// CHECK-NEXT: %3 = "axe.sub"(%arg1, %2)
// CHECK-NEXT: %4 = "axe.exp"(%3)
// CHECK-NEXT: %5 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %6 = "axe.broadcast"(%5) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %7 = "axe.reduce"(%4) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %8 = "axe.div"(%6, %7)
// CHECK-NEXT: %9 = "axe.broadcast"(%8) {axes = array<i64: 0>, shape = ["n", 8]}
// CHECK-NEXT: %10 = "axe.mul"(%4, %9)
// CHECK-NEXT: "kernel.yield"(%10)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: return %0
func.func @softmax(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.softmax"(%arg0) {axis = 1 : i64} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %0 : tensor<?x8xf32, ["n"]>
}

// A layer norm is one kernel; the sum before it joins as its prologue.
// CHECK-LABEL: @norm_of_sum(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2, %arg3) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.add"(%arg4, %arg5)
// CHECK-NEXT: %2 = "axe.reduce"(%1) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %3 = "axe.constant"() {value = dense<1.250000e-01> : tensor<f32>}
// CHECK-NEXT: %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %5 = "axe.mul"(%2, %4)
// CHECK-NEXT: %6 = "axe.broadcast"(%5) {axes = array<i64: 0>, shape = [4, 8]}
// CHECK-NEXT: %7 = "axe.sub"(%1, %6)
// CHECK-NEXT: %8 = "axe.mul"(%7, %7)
// CHECK-NEXT: %9 = "axe.reduce"(%8) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %10 = "axe.mul"(%9, %4)
// CHECK-NEXT: %11 = "axe.constant"() {value = dense<9.99999974E-6> : tensor<f32>}
// CHECK-NEXT: %12 = "axe.broadcast"(%11) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %13 = "axe.add"(%10, %12)
// CHECK-NEXT: %14 = "axe.rsqrt"(%13)
// CHECK-NEXT: %15 = "axe.broadcast"(%14) {axes = array<i64: 0>, shape = [4, 8]}
// CHECK-NEXT: %16 = "axe.mul"(%7, %15)
// CHECK-NEXT: %17 = "axe.broadcast"(%arg6) {axes = array<i64: 1>, shape = [4, 8]}
// CHECK-NEXT: %18 = "axe.mul"(%16, %17)
// CHECK-NEXT: %19 = "axe.broadcast"(%arg7) {axes = array<i64: 1>, shape = [4, 8]}
// CHECK-NEXT: %20 = "axe.add"(%18, %19)
// CHECK-NEXT: "kernel.yield"(%20)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: return %0
func.func @norm_of_sum(%arg0: tensor<4x8xf32>, %arg1: tensor<4x8xf32>, %arg2: tensor<8xf32>, %arg3: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = "axe.add"(%arg0, %arg1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.layer_norm"(%0, %arg2, %arg3) {eps = 1.000000e-05 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// The exponentials feed another kernel, too: both are results of one kernel.
// CHECK-LABEL: @two_results(
// CHECK-NEXT: %0:2 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.exp"(%arg1)
// CHECK-NEXT: %3 = "axe.reduce"(%2) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %4 = "axe.log"(%3)
// CHECK-NEXT: "kernel.yield"(%2, %4)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: %1 = "kernel.fused"(%0#0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.reverse"(%arg1) {axes = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1, %0#1
func.func @two_results(%arg0: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>) {
  %0 = "axe.exp"(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.reverse"(%0) {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "sum"} : (tensor<4x8xf32>) -> tensor<4xf32>
  %3 = "axe.log"(%2) : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %3 : tensor<4x8xf32>, tensor<4xf32>
}

// Near miss: the reduced axis is not the last.
// CHECK-LABEL: @other_axis(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "max"}
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = [8, 4]}
// CHECK-NEXT: %5 = "axe.sub"(%arg2, %4)
// CHECK-NEXT: %6 = "axe.exp"(%5)
// CHECK-NEXT: "kernel.yield"(%6)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %2 = "kernel.fused"(%1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %5 = "axe.broadcast"(%4) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %6 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: %7 = "axe.div"(%5, %6)
// CHECK-NEXT: "kernel.yield"(%7)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: %3 = "kernel.fused"(%2, %1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %4 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = [8, 4]}
// CHECK-NEXT: %5 = "axe.mul"(%arg2, %4)
// CHECK-NEXT: "kernel.yield"(%5)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %3
func.func @other_axis(%arg0: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = "axe.softmax"(%arg0) {axis = 0 : i64} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// Near miss: the sum of row i goes to column i, to all rows.
// CHECK-LABEL: @other_row(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.reduce"(%arg1) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = [4, 4]}
// CHECK-NEXT: %3 = "axe.sub"(%arg2, %2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @other_row(%arg0: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"} : (tensor<4x4xf32>) -> tensor<4xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1>, shape = [4, 4]} : (tensor<4xf32>) -> tensor<4x4xf32>
  %2 = "axe.sub"(%arg0, %1) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// Near miss: one long row would leave all other threads idle.
// CHECK-LABEL: @long_scalar(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "row"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.broadcast"(%arg1) {axes = array<i64>, shape = [100000]}
// CHECK-NEXT: %3 = "axe.div"(%arg2, %2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @long_scalar(%arg0: tensor<100000xf32>) -> tensor<100000xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "sum"} : (tensor<100000xf32>) -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [100000]} : (tensor<f32>) -> tensor<100000xf32>
  %2 = "axe.div"(%arg0, %1) : (tensor<100000xf32>, tensor<100000xf32>) -> tensor<100000xf32>
  return %2 : tensor<100000xf32>
}
