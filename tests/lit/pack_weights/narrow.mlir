// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights | filecheck %s
// Weights of 8 and 16 bits: in panels, and in these neighbours in k side by side, as many as the
// instructions take at once. Every target reads the same bytes, whether it has these or not.

// CHECK-DAG: layouts = ["", "panels 65x128 by 2"]
// CHECK-DAG: layouts = ["", "panels 64x128 by 4 transposed"]
// CHECK: func.func @pairs({{.*}} {axe.layout = "panels 65x128 by 2", axe.weight = "w"})
func.func @pairs(%x: tensor<3x65xbf16>, %w: tensor<65x128xbf16> {axe.weight = "w"}) -> tensor<3x128xbf16> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<3x65xbf16>, tensor<65x128xbf16>) -> tensor<3x128xbf16>
  return %0 : tensor<3x128xbf16>
}

// One row, too: of whole panels it reads long streams.
// CHECK: func.func @quads({{.*}} {axe.layout = "panels 64x128 by 4 transposed", axe.weight = "w"})
func.func @quads(%x: tensor<1x64xi8>, %w: tensor<128x64xi8> {axe.weight = "w"}) -> tensor<1x128xi32> {
  %0 = "axe.cast"(%x) {dtype = i32} : (tensor<1x64xi8>) -> tensor<1x64xi32>
  %1 = "axe.cast"(%w) {dtype = i32} : (tensor<128x64xi8>) -> tensor<128x64xi32>
  %2 = "axe.dot_general"(%0, %1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 1>} : (tensor<1x64xi32>, tensor<128x64xi32>) -> tensor<1x128xi32>
  return %2 : tensor<1x128xi32>
}

// f16 is converted as it is read: in panels, one k after the other.
// CHECK: func.func @halves({{.*}} {axe.layout = "panels 64x128", axe.weight = "w"})
func.func @halves(%x: tensor<3x64xf16>, %w: tensor<64x128xf16> {axe.weight = "w"}) -> tensor<3x128xf16> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<3x64xf16>, tensor<64x128xf16>) -> tensor<3x128xf16>
  return %0 : tensor<3x128xf16>
}
