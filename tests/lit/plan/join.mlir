// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// A result that is other values, one after the other: each is made where it lies in the result.

// Sums of two windows, stacked, as the caches of a decoder's layers are: no kernel copies them, and
// the arena is empty. The second one is read after it was put there.
// CHECK: %0 = "exec.slice"(%arg1) {offset = "0"}
// CHECK-NEXT: "exec.launch"(%arg0, %0) {callee = @reduce_window_0
// CHECK-NEXT: %1 = "exec.slice"(%arg1) {offset = "400"}
// CHECK-NEXT: "exec.launch"(%0, %1) {callee = @reduce_window_0
// CHECK-NEXT: "exec.launch"(%1, %arg2) {callee = @reduce_window_0
// CHECK-NEXT: "exec.return"()
// CHECK-NEXT: }) {arena_bytes = "0"
func.func @stacked(%x: tensor<100xf32>) -> (tensor<2x100xf32>, tensor<100xf32>) {
  %0 = "axe.window"(%x) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %2 = "axe.window"(%1) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %3 = "axe.reshape"(%0) {shape = [1, 100]} : (tensor<100xf32>) -> tensor<1x100xf32>
  %4 = "axe.reshape"(%1) {shape = [1, 100]} : (tensor<100xf32>) -> tensor<1x100xf32>
  %5 = "axe.concat"(%3, %4) {axis = 0 : i64} : (tensor<1x100xf32>, tensor<1x100xf32>) -> tensor<2x100xf32>
  return %5, %2 : tensor<2x100xf32>, tensor<100xf32>
}

// Rows of both take turns in the result: they are copied. So is an argument.
// CHECK: "exec.launch"(%{{.*}}, %arg1) {callee = @map_concat_
// CHECK: sym_name = "beside"
// CHECK: "exec.launch"(%{{.*}}, %arg1) {callee = @map_concat_
// CHECK: sym_name = "argument"
func.func @beside(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  %0 = "axe.window"(%x) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = "axe.concat"(%0, %1) {axis = 1 : i64} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x16xf32>
  return %2 : tensor<4x16xf32>
}
func.func @argument(%x: tensor<100xf32>) -> tensor<200xf32> {
  %0 = "axe.window"(%x) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<100xf32>) -> tensor<100xf32>
  %2 = "axe.concat"(%1, %x) {axis = 0 : i64} : (tensor<100xf32>, tensor<100xf32>) -> tensor<200xf32>
  return %2 : tensor<200xf32>
}
