// RUN: axec opt %s --pass fuse --pass outline --pass share | filecheck %s
// Kernels that differ in sizes alone are one kernel, which calls tell their sizes.

// CHECK: "kernel.define"() ({
// CHECK-NEXT: ^bb0(%arg0: tensor<?x9x?xf32, ["64*d0", "64*d1"]>):
// CHECK-NEXT: %0 = "axe.exp"(%arg0){{.*}} -> tensor<?x9x?xf32, ["64*d0", "64*d1"]>
// CHECK-NEXT: %1 = "axe.transpose"(%0) {perm = array<i64: 1, 2, 0>}{{.*}} -> tensor<9x?x?xf32, ["64*d1", "64*d0"]>
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {bytes = "294912*d0*d1", cut = ["1"], dims = ["d0", "d1"], flops = "36864*d0*d1", sym_name = "map_exp_transpose_0", template = "map", units = "576*d1", workspace = []}
// CHECK: "kernel.define"() ({
// CHECK-NEXT: ^bb0(%arg0: tensor<1x?x?x?xf32, ["2*d0", "2*d0", "64*d1"]>, %arg1: tensor<?x3x3x?xf32, ["64*d1", "64*d2"]>):
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 0, 3, 1, 2>}{{.*}} -> tensor<1x?x?x?xf32, ["64*d1", "2*d0", "2*d0"]>
// CHECK-NEXT: %1 = "axe.transpose"(%arg1) {perm = array<i64: 3, 0, 1, 2>}{{.*}} -> tensor<?x?x3x3xf32, ["64*d2", "64*d1"]>
// CHECK-NEXT: %2 = "axe.conv"(%0, %1){{.*}} -> tensor<1x?x?x?xf32, ["64*d2", "d0", "d0"]>
// CHECK-NEXT: %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>}{{.*}} -> tensor<1x?x?x?xf32, ["d0", "d0", "64*d2"]>
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {bytes = "1024*d0*d0*d1 + 256*d0*d0*d2 + 147456*d1*d2", cut = ["d3", "d4"], dims = ["d0", "d1", "d2", "d3", "d4"], flops = "73728*d0*d0*d1*d2", sym_name = "gemm_transpose_conv_0", template = "gemm", units = "d2*d3", workspace = []}
// CHECK-COUNT-6: dims = [], {{.*}} sym_name = 
// CHECK-LABEL: func.func @maps(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @map_exp_transpose_0, dims = ["2", "1"]}
// CHECK-NEXT: %1 = "kernel.call"(%arg1) {callee = @map_exp_transpose_0, dims = ["1", "4"]}
// CHECK-LABEL: func.func @convolutions(
// CHECK-NEXT: %0 = "kernel.call"(%arg0, %arg1) {callee = @gemm_transpose_conv_0, dims = ["7", "1", "1", "7", "3"]}
// CHECK-NEXT: %1 = "kernel.call"(%arg2, %arg3) {callee = @gemm_transpose_conv_0, dims = ["3", "2", "4", "1", "3"]}

// Axes that have one size in all ops, as pointwise ones and transpositions have it, are one dim; a
// dim stands for every size that the kernels differ in. Vectors run along multiples of 64.
func.func @maps(%x: tensor<128x9x64xf32>, %y: tensor<64x9x256xf32>) -> (tensor<9x64x128xf32>, tensor<9x256x64xf32>) {
  %0 = "axe.exp"(%x) : (tensor<128x9x64xf32>) -> tensor<128x9x64xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 2, 0>} : (tensor<128x9x64xf32>) -> tensor<9x64x128xf32>
  %2 = "axe.exp"(%y) : (tensor<64x9x256xf32>) -> tensor<64x9x256xf32>
  %3 = "axe.transpose"(%2) {perm = array<i64: 1, 2, 0>} : (tensor<64x9x256xf32>) -> tensor<9x256x64xf32>
  return %1, %3 : tensor<9x64x128xf32>, tensor<9x256x64xf32>
}

// A convolution whose result lies channels last: of the sizes along its windows any will do, in
// steps of the stride; those of its result follow. d3 blocks of rows are the units of a panel, d4
// steps of the outermost folded axis are a slice (channels_last.py): a call says both.
func.func @convolutions(%x: tensor<1x14x14x64xf32>, %v: tensor<64x3x3x64xf32>, %y: tensor<1x6x6x128xf32>, %w: tensor<128x3x3x256xf32>) -> (tensor<1x7x7x64xf32>, tensor<1x3x3x256xf32>) {
  %0 = "axe.transpose"(%x) {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x14x14x64xf32>) -> tensor<1x64x14x14xf32>
  %1 = "axe.transpose"(%v) {perm = array<i64: 3, 0, 1, 2>} : (tensor<64x3x3x64xf32>) -> tensor<64x64x3x3xf32>
  %2 = "axe.conv"(%0, %1) {stride = array<i64: 2, 2>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x64x14x14xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x7x7xf32>
  %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x64x7x7xf32>) -> tensor<1x7x7x64xf32>
  %4 = "axe.transpose"(%y) {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x6x6x128xf32>) -> tensor<1x128x6x6xf32>
  %5 = "axe.transpose"(%w) {perm = array<i64: 3, 0, 1, 2>} : (tensor<128x3x3x256xf32>) -> tensor<256x128x3x3xf32>
  %6 = "axe.conv"(%4, %5) {stride = array<i64: 2, 2>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x128x6x6xf32>, tensor<256x128x3x3xf32>) -> tensor<1x256x3x3xf32>
  %7 = "axe.transpose"(%6) {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x256x3x3xf32>) -> tensor<1x3x3x256xf32>
  return %3, %7 : tensor<1x7x7x64xf32>, tensor<1x3x3x256xf32>
}

// Not shared: a size that is no multiple of 64; an axis that is 1 in one of them alone; what no
// other kernel computes; other templates.
func.func @apart(%x: tensor<64x9xf32>, %y: tensor<100x9xf32>, %z: tensor<192x1xf32>, %u: tensor<64xf32>, %v: tensor<128xf32>) -> (tensor<64x9xf32>, tensor<100x9xf32>, tensor<192x1xf32>, tensor<64xf32>, tensor<f32>, tensor<f32>) {
  %0 = "axe.tanh"(%x) : (tensor<64x9xf32>) -> tensor<64x9xf32>
  %1 = "axe.tanh"(%y) : (tensor<100x9xf32>) -> tensor<100x9xf32>
  %2 = "axe.tanh"(%z) : (tensor<192x1xf32>) -> tensor<192x1xf32>
  %3 = "axe.neg"(%u) : (tensor<64xf32>) -> tensor<64xf32>
  %4 = "axe.reduce"(%u) {kind = "sum", axes = array<i64: 0>} : (tensor<64xf32>) -> tensor<f32>
  %5 = "axe.reduce"(%v) {kind = "sum", axes = array<i64: 0>} : (tensor<128xf32>) -> tensor<f32>
  return %0, %1, %2, %3, %4, %5 : tensor<64x9xf32>, tensor<100x9xf32>, tensor<192x1xf32>, tensor<64xf32>, tensor<f32>, tensor<f32>
}
