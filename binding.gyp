# The addon by node-gyp. native/sources.txt is the list of sources; CMakeLists.txt reads it, too.
# -Dnabla_tests=1 adds the native tests (scripts/build-native.mjs --tests).
{
  "variables": {
    "nabla_tests%": 0,
    "sources_of": "require('fs').readFileSync('native/sources.txt', 'utf8').trim().split(/\\s+/)"
  },
  "target_defaults": {
    "default_configuration": "Release",
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
    # Alignment: where a loop begins within a line, which is up to all that comes before it, takes or gives a product 1 to 2 %.
    "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=off", "-falign-functions=64", "-falign-loops=32",
                  "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "CLANG_CXX_LIBRARY": "libc++",
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off"]
    },
    "msvs_settings": {
      "VCCLCompilerTool": {"ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/O2", "/fp:precise"]}
    }
  },
  "targets": [
    {
      "target_name": "engine",
      "type": "static_library",
      "sources": ["<!@(node -p \"<(sources_of).filter((s) => !s.startsWith('native/binding/')).join(' ')\")"]
    },
    {
      "target_name": "nabla",
      "dependencies": ["engine"],
      "sources": ["<!@(node -p \"<(sources_of).filter((s) => s.startsWith('native/binding/')).join(' ')\")"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_CPP_EXCEPTIONS",
        "NABLA_VERSION=\"<!(node -p \"require('./package.json').version\")\""
      ],
      "conditions": [
        ["OS=='linux'", {
          "ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL"],
          "libraries": ["-ldl", "-lpthread"]
        }]
      ]
    }
  ],
  "conditions": [
    ["nabla_tests==1", {
      "targets": [
        {"target_name": "fetch_plan_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/fetch_plan_test.cpp"]},
        {"target_name": "gemm_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/gemm_test.cpp"]},
        {"target_name": "kernels_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/kernels_test.cpp"]},
        {"target_name": "math_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/math_test.cpp"]},
        {"target_name": "pool_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/pool_test.cpp"]},
        {"target_name": "program_fuzz_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/program_fuzz_test.cpp"]},
        {"target_name": "program_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/program_test.cpp"]},
        {"target_name": "simd_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/simd_test.cpp"]},
        {"target_name": "thread_choice_test", "type": "executable", "dependencies": ["engine"], "sources": ["tests/native/thread_choice_test.cpp"]}
      ]
    }]
  ]
}
