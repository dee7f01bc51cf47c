// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// Offsets are formulas of the dims. The head of the arena holds the values that the program computes
// once per call. Sizes that cannot be compared meet in a maximum; rows of 40 bytes are rounded up.

// CHECK: "exec.program"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "exec.slice"() {offset = "192"}
// CHECK-NEXT: "exec.launch"(%arg0, %0) {callee = @map_exp_0, dims = ["n"], grain = {{[0-9]+}} : i64, units = "floordiv(n + 127, 128)"}
// CHECK-NEXT: %1 = "exec.slice"() {offset = "max(64*floordiv(5*m + 7, 8) + 256, 64*n + 320)"}
// CHECK-NEXT: "exec.launch"(%arg1, %1) {callee = @map_exp_1, dims = ["m"], grain = {{[0-9]+}} : i64, units = "floordiv(5*m + 511, 512)"}
// CHECK-NEXT: %2 = "exec.slice"() {offset = "64*floordiv(n + 1, 2) + 256"}
// CHECK-NEXT: "exec.launch"(%0, %2) {callee = @reduce_window_0, dims = ["n"], grain = {{[0-9]+}} : i64, units = "n"}
// CHECK-NEXT: %3 = "exec.slice"() {offset = "max(64*floordiv(5*m + 7, 8) + 64*n + 384, 64*floordiv(m + 3, 4) + 64*m + 320)"}
// CHECK-NEXT: "exec.launch"(%2, %3) {callee = @row_reduce_0, dims = ["n"], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: %4 = "exec.slice"() {offset = "192"}
// CHECK-NEXT: "exec.launch"(%1, %4) {callee = @reduce_window_1, dims = ["m"], grain = {{[0-9]+}} : i64, units = "m"}
// CHECK-NEXT: "exec.launch"(%4, %3, %arg2) {callee = @row_add_0, dims = ["m"], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: "exec.return"()
// CHECK-NEXT: }) {arena_bytes = "max(64*floordiv(5*m + 7, 8) + 64*n + 512, 64*floordiv(m + 3, 4) + 64*m + 448)", dims = {m = [1, 50], n = [1, 64]}, flops = "40*m + 32*n + 1", lower_bound_bytes = 6096 : i64, roles = ["input:input0", "input:input1", "output:output0"], sym_name = "named", table_bytes = 192 : i64}

func.func @named(%arg0: tensor<?x8xf32, ["n"]>, %arg1: tensor<?x10xf32, ["m"]>) -> tensor<f32> attributes {axe.dims = {m = [1, 50], n = [1, 64]}} {
  %0 = "axe.exp"(%arg0) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %1 = "axe.exp"(%arg1) : (tensor<?x10xf32, ["m"]>) -> tensor<?x10xf32, ["m"]>
  %2 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 0>], size = array<i64: 2>, stride = array<i64: 1>} : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %3 = "axe.reduce"(%2) {axes = array<i64: 0, 1>, kind = "sum"} : (tensor<?x8xf32, ["n"]>) -> tensor<f32>
  %4 = "axe.window"(%1) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 1, 0>], size = array<i64: 2>, stride = array<i64: 1>} : (tensor<?x10xf32, ["m"]>) -> tensor<?x10xf32, ["m"]>
  %5 = "axe.reduce"(%4) {axes = array<i64: 0, 1>, kind = "sum"} : (tensor<?x10xf32, ["m"]>) -> tensor<f32>
  %6 = "axe.add"(%3, %5) : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %6 : tensor<f32>
}
