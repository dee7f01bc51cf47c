// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// Buffers that are not in use at the same time share bytes of the arena.

// CHECK: "exec.program"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "exec.slice"() {offset = "0"}
// CHECK-NEXT: "exec.launch"(%arg0, %0) {callee = @map_exp_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: %1 = "exec.slice"() {offset = "448"}
// CHECK-NEXT: "exec.launch"(%0, %1) {callee = @reduce_window_exp_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: %2 = "exec.slice"() {offset = "0"}
// CHECK-NEXT: "exec.launch"(%1, %2) {callee = @reduce_window_exp_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: "exec.launch"(%2, %arg1) {callee = @reduce_window_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: "exec.return"()
// CHECK-NEXT: }) {arena_bytes = "896", dims = {}, flops = "1200", lower_bound_bytes = 800 : i64, roles = ["input:input0", "output:output0"], sym_name = "chain", table_bytes = 0 : i64}

// Of five intermediates no more than two are needed at once.
func.func @chain(%arg0: tensor<100xf32>) -> tensor<100xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<100xf32>) -> tensor<100xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %2 = "axe.exp"(%1) : (tensor<100xf32>) -> tensor<100xf32>
  %3 = "axe.window"(%2) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %4 = "axe.exp"(%3) : (tensor<100xf32>) -> tensor<100xf32>
  %5 = "axe.window"(%4) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  return %5 : tensor<100xf32>
}
