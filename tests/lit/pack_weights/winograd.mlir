// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights | filecheck %s
// 3x3 filters of a convolution that reads and writes channels last are stored transformed, where
// images are large enough: fewer multiplications. The kernel's units become blocks of tiles, and it
// takes workspace for their numbers and sums.

// CHECK: layouts = ["", "winograd 32x32 by 32"], {{.*}} units = "2", workspace = ["
// CHECK: layouts = ["", "filters 1x32x32x9 by 32"]
// CHECK: func.func @near({{.*}} {axe.layout = "winograd 32x32 by 32", axe.weight = "w"})
func.func @near(%x: tensor<1x16x16x32xf32>, %w: tensor<32x32x3x3xf32> {axe.weight = "w"}) -> tensor<1x16x16x32xf32> {
  %0 = "axe.transpose"(%x) {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x16x16x32xf32>) -> tensor<1x32x16x16xf32>
  %1 = "axe.conv"(%0, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x16x16xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x16x16xf32>
  %2 = "axe.transpose"(%1) {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x32x16x16xf32>) -> tensor<1x16x16x32xf32>
  return %2 : tensor<1x16x16x32xf32>
}

// Windows that take two steps at a time have nothing in common.
// CHECK: func.func @apart({{.*}} {axe.layout = "filters 1x32x32x9 by 32", axe.weight = "w"})
func.func @apart(%x: tensor<1x16x16x32xf32>, %w: tensor<32x32x3x3xf32> {axe.weight = "w"}) -> tensor<1x8x8x32xf32> {
  %0 = "axe.transpose"(%x) {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x16x16x32xf32>) -> tensor<1x32x16x16xf32>
  %1 = "axe.conv"(%0, %w) {stride = array<i64: 2, 2>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x16x16xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x8x8xf32>
  %2 = "axe.transpose"(%1) {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x32x8x8xf32>) -> tensor<1x8x8x32xf32>
  return %2 : tensor<1x8x8x32xf32>
}
