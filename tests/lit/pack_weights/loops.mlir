// RUN: axec opt %s --pass fuse --pass outline --pass pack_weights | filecheck %s
// A weight that every run of a loop's body has is packed once, as if it were read outside.

// CHECK: layouts = ["", "panels 64x128 transposed"], sym_name = "gemm_0", template = "gemm", units = {{.*}}, workspace = []
// CHECK: func.func @steps({{.*}} {axe.layout = "panels 64x128 transposed", axe.weight = "w"})
func.func @steps(%x: tensor<16x64xf32>, %w: tensor<128x64xf32> {axe.weight = "w"}) -> (tensor<16x64xf32>, tensor<10x16x128xf32>) {
  %0:2 = "control.scan"(%x, %w) {body = @step, carries = 1 : i64, length = "10", reverse = false, xs = 0 : i64} : (tensor<16x64xf32>, tensor<128x64xf32>) -> (tensor<16x64xf32>, tensor<10x16x128xf32>)
  return %0#0, %0#1 : tensor<16x64xf32>, tensor<10x16x128xf32>
}
func.func private @step(%i: tensor<i64>, %h: tensor<16x64xf32>, %w: tensor<128x64xf32>) -> (tensor<16x64xf32>, tensor<16x128xf32>) {
  %0 = "axe.dot_general"(%h, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 1>} : (tensor<16x64xf32>, tensor<128x64xf32>) -> tensor<16x128xf32>
  %1 = "axe.exp"(%h) : (tensor<16x64xf32>) -> tensor<16x64xf32>
  return %1, %0 : tensor<16x64xf32>, tensor<16x128xf32>
}

// A carry starts as a weight and is something else in the next step.
// CHECK: func.func @carried({{.*}} tensor<64x32xf32> {axe.weight = "w"})
func.func @carried(%x: tensor<16x64xf32>, %w: tensor<64x32xf32> {axe.weight = "w"}) -> (tensor<64x32xf32>, tensor<10x16x32xf32>) {
  %0:2 = "control.scan"(%w, %x) {body = @other, carries = 1 : i64, length = "10", reverse = false, xs = 0 : i64} : (tensor<64x32xf32>, tensor<16x64xf32>) -> (tensor<64x32xf32>, tensor<10x16x32xf32>)
  return %0#0, %0#1 : tensor<64x32xf32>, tensor<10x16x32xf32>
}
func.func private @other(%i: tensor<i64>, %w: tensor<64x32xf32>, %h: tensor<16x64xf32>) -> (tensor<64x32xf32>, tensor<16x32xf32>) {
  %0 = "axe.dot_general"(%h, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<16x64xf32>, tensor<64x32xf32>) -> tensor<16x32xf32>
  %1 = "axe.exp"(%w) : (tensor<64x32xf32>) -> tensor<64x32xf32>
  return %1, %0 : tensor<64x32xf32>, tensor<16x32xf32>
}
