// RUN: axec opt %s --pass fuse --pass outline --pass schedule | filecheck %s
// Calls are ordered for low peak memory: each large value goes away before the next one comes.

// CHECK-LABEL: func.func @wide(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @reduce_window_0, dims = []}
// CHECK-NEXT: %1 = "kernel.call"(%0) {callee = @reduce_reduce_0, dims = []}
// CHECK-NEXT: %2 = "kernel.call"(%arg1) {callee = @reduce_window_1, dims = []}
// CHECK-NEXT: %3 = "kernel.call"(%2) {callee = @reduce_reduce_1, dims = []}
// CHECK-LABEL: func.func @kept(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @reduce_window_2, dims = []}
// CHECK-NEXT: %1 = "kernel.call"(%0) {callee = @row_reduce_0, dims = []}
// CHECK-NEXT: %2 = "kernel.call"(%arg1) {callee = @map_exp_0, dims = []}

// Two large values, each of which is used up by a fold.
func.func @wide(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 1>, shape = [4096, 8]} : (tensor<8xf32>) -> tensor<4096x8xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<4096x8xf32>) -> tensor<4096x8xf32>
  %2 = "axe.broadcast"(%arg1) {axes = array<i64: 1>, shape = [4096, 8]} : (tensor<8xf32>) -> tensor<4096x8xf32>
  %3 = "axe.window"(%2) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<4096x8xf32>) -> tensor<4096x8xf32>
  %4 = "axe.reduce"(%1) {axes = array<i64: 0>, kind = "sum"} : (tensor<4096x8xf32>) -> tensor<8xf32>
  %5 = "axe.reduce"(%3) {axes = array<i64: 0>, kind = "max"} : (tensor<4096x8xf32>) -> tensor<8xf32>
  return %4, %5 : tensor<8xf32>, tensor<8xf32>
}

// Near miss: nothing is gained by another order, the program's own stays.
func.func @kept(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>) {
  %0 = "axe.window"(%arg0) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 1>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<8xf32>) -> tensor<8xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"} : (tensor<8xf32>) -> tensor<f32>
  %2 = "axe.exp"(%arg1) : (tensor<8xf32>) -> tensor<8xf32>
  return %1, %2 : tensor<f32>, tensor<8xf32>
}
