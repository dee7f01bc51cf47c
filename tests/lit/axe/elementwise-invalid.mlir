// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @shapes(%x: tensor<3xf32>, %y: tensor<4xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.add' op shapes (3,) and (4,) differ
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.add"(%x, %y) : (tensor<3xf32>, tensor<4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @named_dims(%x: tensor<?xf32, ["n"]>, %y: tensor<?xf32, ["m"]>) -> tensor<?xf32, ["n"]> {
  // CHECK: error[ir-invalid]: 'axe.mul' op shapes (n,) and (m,) differ
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:10{{$}}
    %0 = "axe.mul"(%x, %y) : (tensor<?xf32, ["n"]>, tensor<?xf32, ["m"]>) -> tensor<?xf32, ["n"]>
  return %0 : tensor<?xf32, ["n"]>
}

// -----

func.func @dtypes(%x: tensor<3xf32>, %y: tensor<3xf64>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.add' op dtypes f32 and f64 differ
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.add"(%x, %y) : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @no_float(%x: tensor<3xi32>) -> tensor<3xi32> {
  // CHECK: error[ir-invalid]: 'axe.exp' op needs floating point, got i32
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.exp"(%x) : (tensor<3xi32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}

// -----

func.func @no_such_direction(%x: tensor<3xf32>) -> tensor<3xi1> {
  // CHECK: error[ir-invalid]: 'axe.compare' op no direction '<'; there are eq, ne, lt, le, gt, ge
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.compare"(%x, %x) {direction = "<"} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// -----

func.func @condition(%c: tensor<3xi32>, %x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.select' op the condition must be bool, got i32
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.select"(%c, %x, %x) : (tensor<3xi32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @unnamed_dim(%x: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: error[ir-invalid]: 'axe.exp' op tensor<?xf32>: the encoding must name each of 1 `?`
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.exp"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @operands(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.sub' op got 1 operands, needs 2
  // CHECK-NEXT: elementwise-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.sub"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
