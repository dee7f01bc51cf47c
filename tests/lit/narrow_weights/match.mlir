// RUN: axec opt %s --pass narrow_weights | filecheck %s
// A weight that is only cast to one narrower float dtype is stored in that dtype.

// CHECK: func.func @cast(%arg0: tensor<3x4xbf16>, %arg1: tensor<4x5xbf16> {axe.layout = "bf16", axe.weight = "w"}) -> tensor<3x5xbf16>
// CHECK-NEXT: "axe.dot_general"(%arg0, %arg1)
func.func @cast(%x: tensor<3x4xbf16>, %w: tensor<4x5xf32> {axe.weight = "w"}) -> tensor<3x5xbf16> {
  %0 = "axe.cast"(%w) {dtype = bf16} : (tensor<4x5xf32>) -> tensor<4x5xbf16>
  %1 = "axe.dot_general"(%x, %0) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<3x4xbf16>, tensor<4x5xbf16>) -> tensor<3x5xbf16>
  return %1 : tensor<3x5xbf16>
}

// Not one that is read as it is, too.
// CHECK: func.func @both({{.*}}tensor<4xf32> {axe.weight = "w"})
func.func @both(%w: tensor<4xf32> {axe.weight = "w"}) -> (tensor<4xf16>, tensor<4xf32>) {
  %0 = "axe.cast"(%w) {dtype = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %1 = "axe.neg"(%w) : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf16>, tensor<4xf32>
}

// Nor into two dtypes, nor an input, nor where the cast widens or leaves floating point.
// CHECK: func.func @others(%arg0: tensor<4xf32> {axe.weight = "a"}, %arg1: tensor<4xf32>, %arg2: tensor<4xbf16> {axe.weight = "b"}, %arg3: tensor<4xf32> {axe.weight = "c"})
func.func @others(%a: tensor<4xf32> {axe.weight = "a"}, %x: tensor<4xf32>, %b: tensor<4xbf16> {axe.weight = "b"}, %c: tensor<4xf32> {axe.weight = "c"}) -> (tensor<4xf16>, tensor<4xbf16>, tensor<4xf16>, tensor<4xf32>, tensor<4xi8>) {
  %0 = "axe.cast"(%a) {dtype = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %1 = "axe.cast"(%a) {dtype = bf16} : (tensor<4xf32>) -> tensor<4xbf16>
  %2 = "axe.cast"(%x) {dtype = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %3 = "axe.cast"(%b) {dtype = f32} : (tensor<4xbf16>) -> tensor<4xf32>
  %4 = "axe.cast"(%c) {dtype = i8} : (tensor<4xf32>) -> tensor<4xi8>
  return %0, %1, %2, %3, %4 : tensor<4xf16>, tensor<4xbf16>, tensor<4xf16>, tensor<4xf32>, tensor<4xi8>
}
