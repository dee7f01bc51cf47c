// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @another_type() -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.constant' op result types are f32[3], the shape rule gives f32[2]
  // CHECK-NEXT: constants-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @no_value() -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.constant' op attribute 'value' is missing
  // CHECK-NEXT: constants-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.constant"() : () -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @axis_of_another_rank() -> tensor<3xi32> {
  // CHECK: error[ir-invalid]: 'axe.iota' op axes (1,) do not fit rank 1
  // CHECK-NEXT: constants-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.iota"() {axis = 1, dtype = i32, shape = [3]} : () -> tensor<3xi32>
  return %0 : tensor<3xi32>
}

// -----

func.func @ramp_of_bools() -> tensor<3xi1> {
  // CHECK: error[ir-invalid]: 'axe.iota' op needs floating point or signed integer or unsigned integer, got bool
  // CHECK-NEXT: constants-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.iota"() {axis = 0, dtype = i1, shape = [3]} : () -> tensor<3xi1>
  return %0 : tensor<3xi1>
}
