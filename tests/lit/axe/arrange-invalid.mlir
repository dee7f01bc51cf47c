// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @count(%x: tensor<2x3xf32>) -> tensor<4xf32> {
  // CHECK: error[ir-invalid]: 'axe.reshape' op (2, 3) has 6 elements, (4,) has 4
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reshape"(%x) {shape = [4]} : (tensor<2x3xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @spelling(%x: tensor<?xf32, ["n + 1"]>) -> tensor<?xf32, ["n + 1"]> {
  // CHECK: error[ir-invalid]: 'axe.reshape' op attribute 'shape' must be a list of sizes, got ["1 + n"]: '1 + n' must be written 'n + 1'
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reshape"(%x) {shape = ["1 + n"]} : (tensor<?xf32, ["n + 1"]>) -> tensor<?xf32, ["n + 1"]>
  return %0 : tensor<?xf32, ["n + 1"]>
}

// -----

func.func @perm(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  // CHECK: error[ir-invalid]: 'axe.transpose' op axes (0, 0) do not fit rank 2
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.transpose"(%x) {perm = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @stretch(%x: tensor<2xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.broadcast' op axis 0 of (2,) does not fit axis 0 of (3,)
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.broadcast"(%x) {axes = array<i64: 0>, shape = [3]} : (tensor<2xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @bounds(%x: tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n + 1"]> {
  // CHECK: error[ir-invalid]: 'axe.slice' op (0,) to (n + 1,) leaves the bounds of (n,)
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.slice"(%x) {start = [0], stop = ["n + 1"], step = array<i64: 1>} : (tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n + 1"]>
  return %0 : tensor<?xf32, ["n + 1"]>
}

// -----

func.func @crop(%x: tensor<3xf32>, %v: tensor<f32>) -> tensor<2xf32> {
  // CHECK: error[ir-invalid]: 'axe.pad' op low (-1,) must be at least 0
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.pad"(%x, %v) {low = array<i64: -1>, high = array<i64: 0>} : (tensor<3xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @other_axes(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) -> tensor<2x6xf32> {
  // CHECK: error[ir-invalid]: 'axe.concat' op shapes (2, 3) and (3, 3) differ beside axis 1
  // CHECK-NEXT: arrange-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.concat"(%x, %y) {axis = 1} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}
