// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// A kernel writes over an operand that nobody reads later, where every element of the operand is read
// for the same element of the result.

// The first product is a result: nothing is written over it. The exponential is written where the
// second product was, and both lie where the result is wanted.
// CHECK: "exec.launch"(%arg0, %arg1) {callee = @gemm_transpose_0
// CHECK-NEXT: %0 = "exec.view"(%arg2)
// CHECK-NEXT: "exec.launch"(%arg1, %arg0, %0) {callee = @gemm_0
// CHECK-NEXT: "exec.launch"(%arg2, %arg2) {callee = @map_exp_0
// CHECK: arena_bytes = "0"
func.func @exponential(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<64xf32>) {
  %0 = "axe.transpose"(%x) {perm = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = "axe.dot_general"(%0, %x) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = "axe.dot_general"(%1, %x) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = "axe.reshape"(%2) {shape = [64]} : (tensor<8x8xf32>) -> tensor<64xf32>
  %4 = "axe.exp"(%3) : (tensor<64xf32>) -> tensor<64xf32>
  return %1, %4 : tensor<8x8xf32>, tensor<64xf32>
}

// A loop that fills its carry: each turn writes a window of four bytes, not the whole carry.
func.func private @fill(%i: tensor<i64>, %c: tensor<4096xf32>, %x: tensor<f32>) -> tensor<4096xf32> {
  %0 = "axe.reshape"(%x) {shape = [1]} : (tensor<f32>) -> tensor<1xf32>
  %1 = "axe.dynamic_update"(%c, %0, %i) : (tensor<4096xf32>, tensor<1xf32>, tensor<i64>) -> tensor<4096xf32>
  return %1 : tensor<4096xf32>
}
// CHECK: "exec.copy"(%arg0, %arg2)
// CHECK-NEXT: "exec.loop"() ({
// CHECK: "exec.launch"(%{{.*}}, %arg2) {bytes = "8", callee = @map_dynamic_update_0, dims = [], grain = {{[0-9]+}} : i64, units = "1"}
// CHECK-NEXT: "exec.yield"
func.func @filled(%c: tensor<4096xf32>, %xs: tensor<9xf32>) -> tensor<4096xf32> {
  %0 = "control.scan"(%c, %xs) {body = @fill, carries = 1 : i64, length = "9", reverse = false, xs = 1 : i64} : (tensor<4096xf32>, tensor<9xf32>) -> tensor<4096xf32>
  return %0 : tensor<4096xf32>
}

// A transpose reads other elements than the one that it writes: never in place.
// CHECK: "exec.launch"(%arg0, %[[S:[0-9]+]]) {callee = @reduce_window
// CHECK-NEXT: "exec.launch"(%[[S]], %arg1) {callee = @map_transpose_0
func.func @moved(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = "axe.window"(%x) {dilation = array<i64: 1, 1>, kind = "sum", padding = [array<i64: 1, 0>, array<i64: 0, 0>], size = array<i64: 2, 1>, stride = array<i64: 1, 1>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}
