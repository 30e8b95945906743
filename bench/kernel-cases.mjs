// What `npm run bench` measures: at least one case for every row of kernels.inc, on arrays of ten million
// numbers, or on matrices of about a million; products have the sizes of dense layers.

/**
 * {name, make, flops} or {name, make, bytes, array, limit}: `make`, called when its turn comes, gives
 * what to run; `bytes` is what it has to move, `array` the size of its largest array, and `limit` what the
 * machine does with such an array: "read", "copy" (into another) or "update" (in place). k: nabla/kernels.
 * million: for tests, which only want to know that every case runs.
 */
export function kernelCases(k, million = 1_000_000) {
  const many = 10 * million;
  const cases = [];

  const filled = (n, scale = 1) => Float32Array.from({ length: n }, (_, i) => scale * Math.sin(i));
  /** One array for everything of ten millions: they are read, or written, and never looked at. */
  const pool = new Map();
  const ten = (name, scale) => {
    if (!pool.has(name)) pool.set(name, filled(many, scale));
    return pool.get(name);
  };

  function product(transposeA, transposeB, m, n, depth) {
    const kind = `${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}`;
    cases.push({
      name: `gemm_${kind}_${m}x${n}x${depth}`,
      flops: 2 * m * n * depth,
      make() {
        const [a, b, c] = [filled(m * depth), filled(depth * n), new Float32Array(m * n)];
        return () => k.gemm(a, b, c, { m, n, k: depth, transposeA, transposeB });
      },
    });
  }
  for (const n of [64, 256, 512, 1024]) product(false, false, n, n, n);
  // Batch, out, in of dense layers: forward, input gradient, weight gradient.
  for (const [batch, out, input] of [
    [32, 512, 784],
    [128, 512, 784],
    [128, 10, 512],
    [1, 1024, 1024],
  ]) {
    product(false, true, batch, out, input);
    product(false, false, batch, input, out);
    product(true, false, out, input, batch);
  }

  const pass = (name, bytesPerElement, limit, make) =>
    cases.push({ name: `${name}_10M`, bytes: many * bytesPerElement, array: 4 * many, limit, make });
  for (const name of ["exp", "tanh", "sigmoid", "relu", "gelu"]) {
    pass(name, 8, "copy", () => {
      const [x, y] = [ten("x"), ten("y")];
      return () => k.pointwise[name](x, y);
    });
  }
  pass("add", 12, "copy", () => {
    const [x, g, y] = [ten("x"), ten("g"), ten("y")];
    return () => k.pointwise.add(x, g, y);
  });
  pass("sum", 4, "read", () => {
    const [x, y] = [ten("x"), new Float32Array(1)];
    return () => k.reduce("sum", x, y);
  });
  pass("check_finite", 4, "read", () => {
    const x = ten("x");
    return () => k.firstNotFinite(x);
  });
  pass("copy", 8, "copy", () => {
    const [x, y] = [ten("x"), ten("y")];
    return () => k.copy(x, y);
  });
  pass("fill", 4, "copy", () => {
    const y = ten("y");
    return () => k.fill(y, 1);
  });
  for (const name of ["uniform", "normal"]) {
    pass(name, 4, "copy", () => {
      const y = ten("y");
      return () => k[name](y, { seed: 1 });
    });
  }
  pass("dropout", 8, "copy", () => {
    const [x, y] = [ten("x"), ten("y")];
    return () => k.dropout(x, y, { seed: 1, rate: 0.5 });
  });

  const arrays = () => ({ p: ten("p"), g: ten("g", 1e-2) });
  const update = (name, bytesPerElement, step) => pass(name, bytesPerElement, "update", () => step);
  update("sgd", 12, () => k.sgdStep(arrays(), { learningRate: 1e-3 }));
  update("sgd_momentum", 20, () =>
    k.sgdStep({ ...arrays(), v: ten("v") }, { learningRate: 1e-3, momentum: 0.9, step: 2 }),
  );
  update("adagrad", 20, () => k.adagradStep({ ...arrays(), s: ten("s", 0) }, { learningRate: 1e-3 }));
  update("rmsprop", 20, () =>
    k.rmspropStep({ ...arrays(), s: ten("s", 0) }, { learningRate: 1e-3, alpha: 0.99 }),
  );
  update("adam", 28, () =>
    k.adamStep({ ...arrays(), m: ten("v"), v: ten("s", 0) }, { learningRate: 1e-3, step: 2 }),
  );

  const matrix = (name, rows, columns, bytesPerElement, limit, make) =>
    cases.push({
      name: `${name}_${rows}x${columns}`,
      bytes: bytesPerElement * rows * columns,
      array: 4 * rows * columns,
      limit,
      make: () => make(rows, columns),
    });
  const empty = (n) => new Float32Array(n);
  const ones = (n) => new Float32Array(n).fill(1);
  const labels = (rows, below) => Int32Array.from({ length: rows }, (_, i) => (i * 7919) % below);

  matrix("softmax", 1024, 1000, 8, "copy", (rows, columns) => {
    const [x, y] = [filled(rows * columns), empty(rows * columns)];
    return () => k.softmax(x, y, { columns });
  });
  matrix("softmax_backward", 1024, 1000, 12, "copy", (rows, columns) => {
    const [y, dy, dx] = [filled(rows * columns), filled(rows * columns), empty(rows * columns)];
    return () => k.softmaxBackward(y, dy, dx, { columns });
  });
  // A thousand classes, and ten, where a row is too short to fill a vector.
  for (const [rows, columns] of [
    [1024, 1000],
    [100_000, 10],
  ]) {
    const loss = () => ({
      logits: filled(rows * columns),
      labels: labels(rows, columns),
      logsumexp: empty(rows),
    });
    matrix("cross_entropy", rows, columns, 4, "read", () => {
      const a = { ...loss(), loss: empty(rows) };
      return () => k.crossEntropy(a, { columns });
    });
    matrix("cross_entropy_backward", rows, columns, 8, "copy", () => {
      const a = { ...loss(), dloss: ones(rows), dlogits: empty(rows * columns) };
      return () => k.crossEntropyBackward(a, { columns });
    });
  }
  // Of a row of 64 bytes one number is read: the whole line moves.
  matrix("pick", 65_536, 16, 4, "read", (rows, columns) => {
    const [x, index, y] = [filled(rows * columns), labels(rows, columns), empty(rows)];
    return () => k.pick(x, index, y, { columns });
  });
  matrix("pick_backward", 65_536, 16, 4, "copy", (rows, columns) => {
    const [dy, index, dx] = [filled(rows), labels(rows, columns), empty(rows * columns)];
    return () => k.pickBackward(dy, index, dx, { columns });
  });
  matrix("arg_max", 1024, 1000, 4, "read", (rows, columns) => {
    const [x, y] = [filled(rows * columns), new Int32Array(rows)];
    return () => k.argReduce("max", x, y, { outer: rows, length: columns });
  });

  const norm = (name, run, bytesPerElement, more) =>
    matrix(name, 1024, 1024, bytesPerElement, "copy", (rows, columns) => {
      const a = { x: filled(rows * columns), gamma: ones(columns), rstd: ones(rows), ...more(rows, columns) };
      return () => run(a, { columns });
    });
  const forward = (rows, columns) => ({ y: empty(rows * columns), beta: ones(columns), mean: empty(rows) });
  const backward = (rows, columns) => ({
    dy: filled(rows * columns),
    dx: empty(rows * columns),
    mean: empty(rows),
    dgamma: empty(columns),
    dbeta: empty(columns),
  });
  norm("layer_norm", k.layerNorm, 8, forward);
  norm("layer_norm_backward", k.layerNormBackward, 12, backward);
  norm("batch_norm", k.batchNorm, 8, (rows, columns) => ({
    ...forward(rows, columns),
    variance: empty(columns),
  }));
  norm("batch_norm_backward", k.batchNormBackward, 12, backward);
  norm("rms_norm", k.rmsNorm, 8, forward);
  norm("rms_norm_backward", k.rmsNormBackward, 12, backward);

  matrix("transpose", 1024, 1024, 8, "copy", (rows, columns) => {
    const [x, y] = [filled(rows * columns), empty(rows * columns)];
    return () => k.copy(x, y, { shape: [columns, rows], strides: [1, columns] });
  });
  matrix("gather_rows", 4096, 256, 8, "copy", (rows, columns) => {
    const [table, index, y] = [filled(rows * columns), labels(rows, rows), empty(rows * columns)];
    return () => k.gatherRows(table, index, y, { columns });
  });
  matrix("scatter_add_rows", 4096, 256, 12, "copy", (rows, columns) => {
    const [dy, index, table] = [filled(rows * columns), labels(rows, rows), empty(rows * columns)];
    return () => k.scatterAddRows(dy, index, table, { columns, accumulate: true });
  });
  return cases;
}
