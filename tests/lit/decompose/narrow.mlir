// RUN: axec opt %s --pass decompose | filecheck %s
// Attention of 16-bit numbers is that of the same numbers in f32, rounded once: a kernel takes it
// whole, so no scores are stored.

// CHECK-LABEL: @narrow(
// CHECK-COUNT-3: "axe.cast"(%{{.*}}) {dtype = f32}
// CHECK-NEXT: "axe.attention"(%0, %1, %2) {causal = true, scale = 5.000000e-01 : f64}
// CHECK-NEXT: "axe.cast"(%3) {dtype = bf16}
// CHECK-NEXT: return %4
func.func @narrow(%q: tensor<2x5x8xbf16>, %k: tensor<2x7x8xbf16>, %v: tensor<2x7x4xbf16>) -> tensor<2x5x4xbf16> {
  %0 = "axe.attention"(%q, %k, %v) {scale = 5.000000e-01 : f64, causal = true} : (tensor<2x5x8xbf16>, tensor<2x7x8xbf16>, tensor<2x7x4xbf16>) -> tensor<2x5x4xbf16>
  return %0 : tensor<2x5x4xbf16>
}
