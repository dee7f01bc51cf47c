// RUN: axec opt %s --pass fuse | filecheck %s
// Products of 8- and 16-bit numbers. A product has one dtype; casts of both factors say that it is
// summed, and stays, in a wider one.

// The kernel reads 16 bits: nothing is widened in memory. What follows is rounded once.
// CHECK-LABEL: @wide(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.cast"(%{{.*}}) {dtype = f32} : (tensor<8x16xbf16>) -> tensor<8x16xf32>
// CHECK-NEXT: "axe.cast"(%{{.*}}) {dtype = f32} : (tensor<16x4xbf16>) -> tensor<16x4xf32>
// CHECK-NEXT: "axe.dot_general"
// CHECK-NEXT: "axe.add"
// CHECK-NEXT: "axe.cast"(%{{.*}}) {dtype = bf16}
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "gemm"}
func.func @wide(%x: tensor<8x16xbf16>, %w: tensor<16x4xbf16>, %r: tensor<8x4xf32>) -> tensor<8x4xbf16> {
  %0 = "axe.cast"(%x) {dtype = f32} : (tensor<8x16xbf16>) -> tensor<8x16xf32>
  %1 = "axe.cast"(%w) {dtype = f32} : (tensor<16x4xbf16>) -> tensor<16x4xf32>
  %2 = "axe.dot_general"(%0, %1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %3 = "axe.add"(%2, %r) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %4 = "axe.cast"(%3) {dtype = bf16} : (tensor<8x4xf32>) -> tensor<8x4xbf16>
  return %4 : tensor<8x4xbf16>
}

// Without casts: summed in f32 as well, then rounded.
// CHECK-LABEL: @rounded(
// CHECK: }) {template = "gemm"}
func.func @rounded(%x: tensor<8x16xf16>, %w: tensor<16x4xf16>) -> tensor<8x4xf16> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x16xf16>, tensor<16x4xf16>) -> tensor<8x4xf16>
  return %0 : tensor<8x4xf16>
}

// Bytes: unsigned times signed, sums of i32, then the scale that makes them floats. The transpose
// of a factor is a matter of strides, on either side of the cast.
// CHECK-LABEL: @quantised(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2) ({
// CHECK: "axe.transpose"
// CHECK: "axe.dot_general"
// CHECK: "axe.mul"
// CHECK: }) {template = "gemm"}
func.func @quantised(%x: tensor<8x16xui8>, %w: tensor<4x16xi8>, %s: tensor<4xf32>) -> tensor<8x4xf32> {
  %0 = "axe.cast"(%x) {dtype = i32} : (tensor<8x16xui8>) -> tensor<8x16xi32>
  %1 = "axe.cast"(%w) {dtype = i32} : (tensor<4x16xi8>) -> tensor<4x16xi32>
  %2 = "axe.transpose"(%1) {perm = array<i64: 1, 0>} : (tensor<4x16xi32>) -> tensor<16x4xi32>
  %3 = "axe.dot_general"(%0, %2) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x16xi32>, tensor<16x4xi32>) -> tensor<8x4xi32>
  %4 = "axe.cast"(%3) {dtype = f32} : (tensor<8x4xi32>) -> tensor<8x4xf32>
  %5 = "axe.broadcast"(%s) {axes = array<i64: 1>, shape = [8, 4]} : (tensor<4xf32>) -> tensor<8x4xf32>
  %6 = "axe.mul"(%4, %5) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %6 : tensor<8x4xf32>
}

// One narrow factor is widened first: no instruction multiplies bf16 by f32.
// CHECK-LABEL: @mixed(
// CHECK-NEXT: "kernel.fused"(%arg1) ({
// CHECK: "axe.cast"
// CHECK: }) {template = "map"}
// CHECK: }) {template = "gemm"}
func.func @mixed(%x: tensor<8x16xf32>, %w: tensor<16x4xbf16>) -> tensor<8x4xf32> {
  %0 = "axe.cast"(%w) {dtype = f32} : (tensor<16x4xbf16>) -> tensor<16x4xf32>
  %1 = "axe.dot_general"(%x, %0) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// Whole numbers of the same dtype as their sums have no tiled product: a generic kernel.
// CHECK-LABEL: @generic(
// CHECK: }) {template = "reduce"}
func.func @generic(%x: tensor<8x16xi64>, %w: tensor<16x4xi64>) -> tensor<8x4xi64> {
  %0 = "axe.dot_general"(%x, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<8x16xi64>, tensor<16x4xi64>) -> tensor<8x4xi64>
  return %0 : tensor<8x4xi64>
}
