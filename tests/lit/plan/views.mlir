// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// A reshape is a view of the same bytes: of an input, of a result (each exp writes over its operand).

// CHECK: "exec.program"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "exec.view"(%arg0)
// CHECK-NEXT: %1 = "exec.view"(%arg1)
// CHECK-NEXT: "exec.launch"(%0, %1) {callee = @reduce_window_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: %2 = "exec.view"(%arg1)
// CHECK-NEXT: "exec.launch"(%2, %2) {callee = @map_exp_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: %3 = "exec.view"(%arg1)
// CHECK-NEXT: "exec.launch"(%3, %3) {callee = @map_exp_1, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: "exec.return"()
// CHECK-NEXT: }) {arena_bytes = "0", dims = {}, flops = "128", lower_bound_bytes = 0 : i64, roles = ["input:input0", "output:output0"], sym_name = "views", table_bytes = 0 : i64}

func.func @views(%arg0: tensor<4x8xf32>) -> tensor<16x2xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [32]} : (tensor<4x8xf32>) -> tensor<32xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 1, 0>], size = array<i64: 2>, stride = array<i64: 1>} : (tensor<32xf32>) -> tensor<32xf32>
  %2 = "axe.reshape"(%1) {shape = [8, 4]} : (tensor<32xf32>) -> tensor<8x4xf32>
  %3 = "axe.exp"(%2) : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %4 = "axe.reshape"(%3) {shape = [2, 16]} : (tensor<8x4xf32>) -> tensor<2x16xf32>
  %5 = "axe.exp"(%4) : (tensor<2x16xf32>) -> tensor<2x16xf32>
  %6 = "axe.reshape"(%5) {shape = [16, 2]} : (tensor<2x16xf32>) -> tensor<16x2xf32>
  return %6 : tensor<16x2xf32>
}
