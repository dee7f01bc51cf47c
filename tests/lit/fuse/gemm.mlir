// RUN: axec opt %s --pass fuse | filecheck %s
// A product of matrices and what is done with its result.

// Bias, activation and residual join the product.
// CHECK-LABEL: @epilogue(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2, %arg3) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.dot_general"(%arg4, %arg5) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: %2 = "axe.broadcast"(%arg6) {axes = array<i64: 1>, shape = ["n", 16]}
// CHECK-NEXT: %3 = "axe.add"(%1, %2)
// CHECK-NEXT: %4 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %5 = "axe.broadcast"(%4) {axes = array<i64>, shape = ["n", 16]}
// CHECK-NEXT: %6 = "axe.max"(%3, %5)
// CHECK-NEXT: %7 = "axe.add"(%arg7, %6)
// CHECK-NEXT: "kernel.yield"(%7)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0
func.func @epilogue(%arg0: tensor<?x8xf32, ["n"]>, %arg1: tensor<8x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<?x16xf32, ["n"]>) -> tensor<?x16xf32, ["n"]> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<?x8xf32, ["n"]>, tensor<8x16xf32>) -> tensor<?x16xf32, ["n"]>
  %1 = "axe.broadcast"(%arg2) {axes = array<i64: 1>, shape = ["n", 16]} : (tensor<16xf32>) -> tensor<?x16xf32, ["n"]>
  %2 = "axe.add"(%0, %1) : (tensor<?x16xf32, ["n"]>, tensor<?x16xf32, ["n"]>) -> tensor<?x16xf32, ["n"]>
  %3 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = ["n", 16]} : (tensor<f32>) -> tensor<?x16xf32, ["n"]>
  %5 = "axe.max"(%2, %4) : (tensor<?x16xf32, ["n"]>, tensor<?x16xf32, ["n"]>) -> tensor<?x16xf32, ["n"]>
  %6 = "axe.add"(%arg3, %5) : (tensor<?x16xf32, ["n"]>, tensor<?x16xf32, ["n"]>) -> tensor<?x16xf32, ["n"]>
  return %6 : tensor<?x16xf32, ["n"]>
}

// A transpose of a factor is a matter of strides.
// CHECK-LABEL: @transposed(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.transpose"(%arg2) {perm = array<i64: 1, 0, 2>}
// CHECK-NEXT: %2 = "axe.dot_general"(%1, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0
func.func @transposed(%arg0: tensor<8x4x5xf32>, %arg1: tensor<5x6xf32>) -> tensor<4x8x6xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0, 2>} : (tensor<8x4x5xf32>) -> tensor<4x8x5xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 0>} : (tensor<4x8x5xf32>, tensor<5x6xf32>) -> tensor<4x8x6xf32>
  return %1 : tensor<4x8x6xf32>
}

// A slice of a factor is an offset, a reshape around axes of size 1 nothing at all.
// CHECK-LABEL: @window(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.slice"(%arg2) {start = [0, 0, 0, 0], step = array<i64: 1, 1, 1, 1>, stop = [2, 4, 1, 8]}
// CHECK-NEXT: %2 = "axe.reshape"(%1) {shape = [2, 4, 8]}
// CHECK-NEXT: %3 = "axe.slice"(%arg3) {start = [0, 0, 2, 0], step = array<i64: 1, 1, 1, 1>, stop = [2, 4, 3, 8]}
// CHECK-NEXT: %4 = "axe.reshape"(%3) {shape = [2, 4, 8]}
// CHECK-NEXT: %5 = "axe.dot_general"(%2, %4) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 2>}
// CHECK-NEXT: "kernel.yield"(%5)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0
func.func @window(%arg0: tensor<2x4x3x8xf32>, %arg1: tensor<2x4x3x8xf32>) -> tensor<2x4x4xf32> {
  %0 = "axe.slice"(%arg0) {start = [0, 0, 0, 0], step = array<i64: 1, 1, 1, 1>, stop = [2, 4, 1, 8]} : (tensor<2x4x3x8xf32>) -> tensor<2x4x1x8xf32>
  %1 = "axe.reshape"(%0) {shape = [2, 4, 8]} : (tensor<2x4x1x8xf32>) -> tensor<2x4x8xf32>
  %2 = "axe.slice"(%arg1) {start = [0, 0, 2, 0], step = array<i64: 1, 1, 1, 1>, stop = [2, 4, 3, 8]} : (tensor<2x4x3x8xf32>) -> tensor<2x4x1x8xf32>
  %3 = "axe.reshape"(%2) {shape = [2, 4, 8]} : (tensor<2x4x1x8xf32>) -> tensor<2x4x8xf32>
  %4 = "axe.dot_general"(%1, %3) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 2>} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x4xf32>
  return %4 : tensor<2x4x4xf32>
}

// Near miss: every second row is copied together first.
// CHECK-LABEL: @steps(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.slice"(%arg2) {start = [0, 0], step = array<i64: 2, 1>, stop = [8, 6]}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %1
func.func @steps(%arg0: tensor<8x6xf32>, %arg1: tensor<6x5xf32>) -> tensor<4x5xf32> {
  %0 = "axe.slice"(%arg0) {start = [0, 0], step = array<i64: 2, 1>, stop = [8, 6]} : (tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x6xf32>, tensor<6x5xf32>) -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// Near miss: what the slice leaves of two contracted axes is no single run.
// CHECK-LABEL: @broken_run(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.slice"(%arg2) {start = [0, 0, 0], step = array<i64: 1, 1, 1>, stop = [4, 3, 4]}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1, 2>, contract_y = array<i64: 0, 1>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %1
func.func @broken_run(%arg0: tensor<4x3x8xf32>, %arg1: tensor<3x4x5xf32>) -> tensor<4x5xf32> {
  %0 = "axe.slice"(%arg0) {start = [0, 0, 0], step = array<i64: 1, 1, 1>, stop = [4, 3, 4]} : (tensor<4x3x8xf32>) -> tensor<4x3x4xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1, 2>, contract_y = array<i64: 0, 1>} : (tensor<4x3x4xf32>, tensor<3x4x5xf32>) -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// Of two products that meet, one takes the sum in.
// CHECK-LABEL: @two_products(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: %1 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.exp"(%arg2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %2 = "kernel.fused"(%1, %arg1, %0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %3 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: %4 = "axe.add"(%arg4, %3)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %2
func.func @two_products(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>) -> tensor<4x16xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = "axe.exp"(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = "axe.dot_general"(%1, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %3 = "axe.add"(%0, %2) : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  return %3 : tensor<4x16xf32>
}

// The product itself is needed, too: a second result.
// CHECK-LABEL: @saved(
// CHECK-NEXT: %0:2 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: %2 = "axe.tanh"(%1)
// CHECK-NEXT: "kernel.yield"(%1, %2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0#1, %0#0
func.func @saved(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = "axe.tanh"(%0) : (tensor<4x16xf32>) -> tensor<4x16xf32>
  return %1, %0 : tensor<4x16xf32>, tensor<4x16xf32>
}

// A convolution is a sum of such products.
// CHECK-LABEL: @convolution(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.conv"(%arg3, %arg4) {dilation = array<i64: 1>, groups = 1 : i64, padding = [array<i64: 1, 1>], stride = array<i64: 1>}
// CHECK-NEXT: %2 = "axe.broadcast"(%arg5) {axes = array<i64: 1>, shape = [2, 4, 8]}
// CHECK-NEXT: %3 = "axe.add"(%1, %2)
// CHECK-NEXT: %4 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %5 = "axe.broadcast"(%4) {axes = array<i64>, shape = [2, 4, 8]}
// CHECK-NEXT: %6 = "axe.max"(%3, %5)
// CHECK-NEXT: "kernel.yield"(%6)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0
func.func @convolution(%arg0: tensor<2x3x8xf32>, %arg1: tensor<4x3x3xf32>, %arg2: tensor<4xf32>) -> tensor<2x4x8xf32> {
  %0 = "axe.conv"(%arg0, %arg1) {dilation = array<i64: 1>, groups = 1 : i64, padding = [array<i64: 1, 1>], stride = array<i64: 1>} : (tensor<2x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x8xf32>
  %1 = "axe.broadcast"(%arg2) {axes = array<i64: 1>, shape = [2, 4, 8]} : (tensor<4xf32>) -> tensor<2x4x8xf32>
  %2 = "axe.add"(%0, %1) : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %3 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %4 = "axe.broadcast"(%3) {axes = array<i64>, shape = [2, 4, 8]} : (tensor<f32>) -> tensor<2x4x8xf32>
  %5 = "axe.max"(%2, %4) : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %5 : tensor<2x4x8xf32>
}

// Near miss: a transposed result is no epilogue.
// CHECK-LABEL: @moved(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.transpose"(%arg2) {perm = array<i64: 1, 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %1
func.func @moved(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>) -> tensor<16x4xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<4x16xf32>) -> tensor<16x4xf32>
  return %1 : tensor<16x4xf32>
}

// Near miss: factors are read where they lie, nothing is computed on the way.
// CHECK-LABEL: @prologue(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.neg"(%arg2)
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %1
func.func @prologue(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>) -> tensor<4x16xf32> {
  %0 = "axe.neg"(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// Near miss: integers, and products of vectors, are reduce kernels.
// CHECK-LABEL: @integers(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>}
// CHECK-NEXT: "kernel.yield"(%1)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %0
func.func @integers(%arg0: tensor<4x8xi32>, %arg1: tensor<8x16xi32>) -> tensor<4x16xi32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xi32>, tensor<8x16xi32>) -> tensor<4x16xi32>
  return %0 : tensor<4x16xi32>
}

// Near miss.
// CHECK-LABEL: @vectors(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.dot_general"(%arg2, %arg3) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 1>, contract_y = array<i64: 1>}
// CHECK-NEXT: "kernel.yield"(%1)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %0
func.func @vectors(%arg0: tensor<?x8xf32, ["n"]>, %arg1: tensor<?x8xf32, ["n"]>) -> tensor<?xf32, ["n"]> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 1>, contract_y = array<i64: 1>} : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  return %0 : tensor<?xf32, ["n"]>
}

// A transposition that moves the channels last, alone behind a convolution, is the order in which that
// writes its result: what follows is the epilogue. The one before it says how it reads.
// CHECK-LABEL: @channels_last(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0, %arg1, %arg2) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.transpose"(%arg3) {perm = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: %2 = "axe.conv"(%1, %arg4)
// CHECK-NEXT: %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %4 = "axe.add"(%3, %arg5)
// CHECK-NEXT: "kernel.yield"(%4)
// CHECK-NEXT: }) {template = "gemm"}
// CHECK-NEXT: return %0
func.func @channels_last(%x: tensor<2x9x9x8xf32>, %w: tensor<16x8x1x1xf32>, %y: tensor<2x9x9x16xf32>) -> tensor<2x9x9x16xf32> {
  %0 = "axe.transpose"(%x) {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x9x9x8xf32>) -> tensor<2x8x9x9xf32>
  %1 = "axe.conv"(%0, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x8x9x9xf32>, tensor<16x8x1x1xf32>) -> tensor<2x16x9x9xf32>
  %2 = "axe.transpose"(%1) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x16x9x9xf32>) -> tensor<2x9x9x16xf32>
  %3 = "axe.add"(%2, %y) : (tensor<2x9x9x16xf32>, tensor<2x9x9x16xf32>) -> tensor<2x9x9x16xf32>
  return %3 : tensor<2x9x9x16xf32>
}

// Of two convolutions that are added the second is the epilogue's; the first stands alone. A kernel
// that folds otherwise takes in neither.
// CHECK-LABEL: @two(
// CHECK: "axe.conv"
// CHECK-NEXT: "axe.transpose"
// CHECK-NEXT: "kernel.yield"
// CHECK: "axe.conv"
// CHECK-NEXT: "axe.transpose"
// CHECK-NEXT: "axe.add"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "gemm"}
// CHECK: "axe.reduce"
// CHECK-NEXT: "kernel.yield"
func.func @two(%x: tensor<2x8x9x9xf32>, %w: tensor<16x8x1x1xf32>, %v: tensor<16x8x1x1xf32>) -> (tensor<2x9x9x16xf32>, tensor<2x16xf32>) {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x8x9x9xf32>, tensor<16x8x1x1xf32>) -> tensor<2x16x9x9xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x16x9x9xf32>) -> tensor<2x9x9x16xf32>
  %2 = "axe.conv"(%x, %v) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x8x9x9xf32>, tensor<16x8x1x1xf32>) -> tensor<2x16x9x9xf32>
  %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x16x9x9xf32>) -> tensor<2x9x9x16xf32>
  %4 = "axe.add"(%1, %3) : (tensor<2x9x9x16xf32>, tensor<2x9x9x16xf32>) -> tensor<2x9x9x16xf32>
  %5 = "axe.reduce"(%4) {kind = "sum", axes = array<i64: 1, 2>} : (tensor<2x9x9x16xf32>) -> tensor<2x16xf32>
  return %4, %5 : tensor<2x9x9x16xf32>, tensor<2x16xf32>
}
