// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights | filecheck %s
// Weights that only products read, as their right factor, are stored as panels; a transposed one
// too. The workspace for packing is gone.

// CHECK: layouts = ["", "panels 2048x3072"], sym_name = "gemm_0", template = "gemm", units = {{.*}}, workspace = []
// CHECK: layouts = ["", "panels 64x128 transposed"], sym_name = "gemm_1"
// CHECK: func.func @twice(%arg0: tensor<?x2048xf32, ["n"]>, %arg1: tensor<?x2048xf32, ["n"]>, %arg2: tensor<2048x3072xf32> {axe.layout = "panels 2048x3072", axe.weight = "w"})
func.func @twice(%x: tensor<?x2048xf32, ["n"]>, %y: tensor<?x2048xf32, ["n"]>, %w: tensor<2048x3072xf32> {axe.weight = "w"}) -> (tensor<?x3072xf32, ["n"]>, tensor<?x3072xf32, ["n"]>) attributes {axe.dims = {n = [1, 64]}} {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<?x2048xf32, ["n"]>, tensor<2048x3072xf32>) -> tensor<?x3072xf32, ["n"]>
  %1 = "axe.dot_general"(%y, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<?x2048xf32, ["n"]>, tensor<2048x3072xf32>) -> tensor<?x3072xf32, ["n"]>
  return %0, %1 : tensor<?x3072xf32, ["n"]>, tensor<?x3072xf32, ["n"]>
}

// CHECK: func.func @transposed({{.*}} {axe.layout = "panels 64x128 transposed", axe.weight = "w"})
func.func @transposed(%x: tensor<3x5x64xf32>, %w: tensor<128x64xf32> {axe.weight = "w"}) -> tensor<3x5x128xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 1>} : (tensor<3x5x64xf32>, tensor<128x64xf32>) -> tensor<3x5x128xf32>
  return %0 : tensor<3x5x128xf32>
}

// One row reads panels faster than rows, too: they are one stream each.
// CHECK: func.func @one_row({{.*}} {axe.layout = "panels 64x64", axe.weight = "w"})
func.func @one_row(%x: tensor<1x64xf32>, %w: tensor<64x64xf32> {axe.weight = "w"}) -> tensor<1x64xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// Filters: all channels of one position in the window.
// CHECK: func.func @filters({{.*}} {axe.layout = "taps 8x4x9", axe.weight = "w"})
func.func @filters(%x: tensor<2x8x9x9xf32>, %w: tensor<8x4x3x3xf32> {axe.weight = "w"}) -> tensor<2x8x9x9xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 2 : i64} : (tensor<2x8x9x9xf32>, tensor<8x4x3x3xf32>) -> tensor<2x8x9x9xf32>
  return %0 : tensor<2x8x9x9xf32>
}

// Filters of a convolution that writes channels last: panels of output channels.
// CHECK: func.func @last({{.*}} {axe.layout = "filters 1x16x4x9 by 16", axe.weight = "w"})
func.func @last(%x: tensor<2x4x9x9xf32>, %w: tensor<16x4x3x3xf32> {axe.weight = "w"}) -> tensor<2x9x9x16xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x4x9x9xf32>, tensor<16x4x3x3xf32>) -> tensor<2x16x9x9xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x16x9x9xf32>) -> tensor<2x9x9x16xf32>
  return %1 : tensor<2x9x9x16xf32>
}
