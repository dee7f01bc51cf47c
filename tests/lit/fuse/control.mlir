// RUN: axec opt %s --pass fuse | filecheck %s
// Kernels never reach across a loop or a branch, nor into its body. Bodies are fused like any function.

// What a body hands on unchanged, at its place among the carries, is not copied; a second time it is.
// CHECK-LABEL: func.func private @body(
// CHECK-NEXT: %0 = "kernel.fused"(%arg2, %arg3) ({
// CHECK: "axe.mul"
// CHECK-NEXT: "axe.add"
// CHECK: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%arg1) ({
// CHECK: }) {template = "map"}
// CHECK-NEXT: return %arg1, %0, %1
func.func private @body(%i: tensor<i64>, %a: tensor<4xf32>, %c: tensor<4xf32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = "axe.mul"(%c, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%0, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %a, %1, %a : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// The loop needs %0 only: %1 moves behind it, into the kernel that reads it. The constant is copied
// to both sides.
// CHECK-LABEL: func.func @main(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.constant"
// CHECK-NEXT: "axe.broadcast"
// CHECK-NEXT: "axe.mul"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1:3 = "control.scan"(%0, %arg0, %arg1)
// CHECK-NEXT: %2 = "kernel.fused"(%arg0, %1#1) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: "axe.neg"
// CHECK-NEXT: "axe.constant"
// CHECK-NEXT: "axe.broadcast"
// CHECK-NEXT: "axe.mul"
// CHECK-NEXT: "axe.add"
// CHECK-NEXT: "kernel.yield"
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: return %2, %1#2
func.func @main(%x: tensor<4xf32>, %xs: tensor<9x4xf32>) -> (tensor<4xf32>, tensor<9x4xf32>) {
  %c = "axe.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %two = "axe.broadcast"(%c) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %0 = "axe.mul"(%x, %two) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.neg"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %2:3 = "control.scan"(%0, %x, %xs) {body = @body, carries = 2 : i64, length = "9", reverse = false, xs = 1 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<9x4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<9x4xf32>)
  %3 = "axe.mul"(%2#1, %two) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = "axe.add"(%1, %3) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %4, %2#2 : tensor<4xf32>, tensor<9x4xf32>
}
