// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @constant
func.func @constant() -> (tensor<2xf32>, tensor<i1>, tensor<3xbf16>, tensor<0xi64>) {
  // CHECK-NEXT: "axe.constant"() {value = dense<[1.000000e+00, -2.500000e+00]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "axe.constant"() {value = dense<[1.0, -2.5]> : tensor<2xf32>} : () -> tensor<2xf32>
  // CHECK-NEXT: value = dense<true> : tensor<i1>
  %1 = "axe.constant"() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  // CHECK-NEXT: value = dense<1.500000e+00> : tensor<3xbf16>
  %2 = "axe.constant"() {value = dense<1.5> : tensor<3xbf16>} : () -> tensor<3xbf16>
  // CHECK-NEXT: value = dense<> : tensor<0xi64>
  %3 = "axe.constant"() {value = dense<> : tensor<0xi64>} : () -> tensor<0xi64>
  return %0, %1, %2, %3 : tensor<2xf32>, tensor<i1>, tensor<3xbf16>, tensor<0xi64>
}

// CHECK-LABEL: @iota
func.func @iota() -> tensor<?x3xi32, ["batch"]> {
  // CHECK-NEXT: "axe.iota"() {axis = 0 : i64, dtype = i32, shape = ["batch", 3]} : () -> tensor<?x3xi32, ["batch"]>
  %0 = "axe.iota"() {axis = 0, dtype = i32, shape = ["batch", 3]} : () -> tensor<?x3xi32, ["batch"]>
  return %0 : tensor<?x3xi32, ["batch"]>
}

// How many elements a shape has, once the program runs.
// CHECK-LABEL: @dim_size
func.func @dim_size(%x: tensor<?x3xf32, ["batch"]>) -> tensor<f32> {
  // CHECK-NEXT: "axe.dim_size"() {dtype = f32, shape = ["batch", 3]} : () -> tensor<f32>
  %0 = "axe.dim_size"() {dtype = f32, shape = ["batch", 3]} : () -> tensor<f32>
  return %0 : tensor<f32>
}
