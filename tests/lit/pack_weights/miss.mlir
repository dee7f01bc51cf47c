// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights | filecheck %s
// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights{waste=1000} | filecheck %s --check-prefix=WASTE
// What keeps a weight as it is.

// CHECK-NOT: layout

// Something else reads it, too.
func.func @other_use(%x: tensor<9x64xf32>, %w: tensor<64x64xf32> {axe.weight = "w"}) -> (tensor<9x64xf32>, tensor<64x64xf32>) {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<9x64xf32>, tensor<64x64xf32>) -> tensor<9x64xf32>
  %1 = "axe.exp"(%w) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0, %1 : tensor<9x64xf32>, tensor<64x64xf32>
}

// It is an input, not a weight; the same kernel reads a weight elsewhere.
func.func @input(%x: tensor<8x64xf32>, %w: tensor<64x64xf32>) -> tensor<8x64xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}
func.func @same_kernel(%x: tensor<8x64xf32>, %w: tensor<64x64xf32> {axe.weight = "w"}) -> tensor<8x64xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}

// It is the left factor.
func.func @left(%x: tensor<64x90xf32>, %w: tensor<80x64xf32> {axe.weight = "w"}) -> tensor<80x90xf32> {
  %0 = "axe.dot_general"(%w, %x) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<80x64xf32>, tensor<64x90xf32>) -> tensor<80x90xf32>
  return %0 : tensor<80x90xf32>
}

// Both factors are one weight.
func.func @square(%w: tensor<64x64xf32> {axe.weight = "w"}) -> tensor<64x64xf32> {
  %0 = "axe.dot_general"(%w, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}

// There are several matrices in it.
func.func @stacked(%x: tensor<3x9x64xf32>, %w: tensor<3x64x64xf32> {axe.weight = "w"}) -> tensor<3x9x64xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 1>} : (tensor<3x9x64xf32>, tensor<3x64x64xf32>) -> tensor<3x9x64xf32>
  return %0 : tensor<3x9x64xf32>
}

// Its panels would be zeros for the most part, unless that is wanted.
// WASTE: layouts = ["", "panels 60x10"]
func.func @narrow(%x: tensor<9x60xf32>, %w: tensor<60x10xf32> {axe.weight = "w"}) -> tensor<9x10xf32> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<9x60xf32>, tensor<60x10xf32>) -> tensor<9x10xf32>
  return %0 : tensor<9x10xf32>
}

// Filters of one channel or one position lie as they are read.
func.func @depthwise(%x: tensor<2x8x9x9xf32>, %w: tensor<8x1x3x3xf32> {axe.weight = "w"}) -> tensor<2x8x9x9xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 8 : i64} : (tensor<2x8x9x9xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x9x9xf32>
  return %0 : tensor<2x8x9x9xf32>
}
func.func @point(%x: tensor<2x8x9x9xf32>, %w: tensor<6x8x1x1xf32> {axe.weight = "w"}) -> tensor<2x6x9x9xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x8x9x9xf32>, tensor<6x8x1x1xf32>) -> tensor<2x6x9x9xf32>
  return %0 : tensor<2x6x9x9xf32>
}
