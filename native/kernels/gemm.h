// gemm: c = combine(aux, activation(alpha * a.w + beta * c + bias)), for every element of a batch.
//
// A product is worked on as rows of x times columns of y: x is read element by element (broadcast),
// y by vectors. Normally x = a and y = w; where it is cheaper (few columns, or w transposed and a
// small) the transpose is computed, x = wT and y = aT, and the result turned round at the end (or panel by
// panel: gemm_upended.h).
// Where c is a few rows or columns wide and both lie along k, the lanes are steps of k (gemm_dots.h).
// The order of summation depends on the shape and on constants of the instruction set alone.
#include "gemm_turn.h"
#include "gemm_micro.h"
#include "gemm_micro_for.h"
#include "gemm_pack.h"
#include "gemm_finish.h"
#include "gemm_panel.h"
#include "gemm_block.h"
#include "gemm_upended.h"
#include "gemm_dots.h"
#include "gemm_call.h"
#include "gemm_plan.h"
#include "gemm_grid.h"
#include "gemm_rows.h"
#include "gemm_rest.h"
#include "gemm_long.h"

namespace {

/** What the instructions behind this one will need, the share of one of several tasks. */
inline GemmSoon gemm_soon(const Call& call, int64_t task, int64_t tasks) {
  GemmSoon soon;
  soon.next = 0;
  soon.count = call.soon_count;
  for (int i = 0; i < soon.count; i++) {
    const Soon& later = call.soon[i];
    const int64_t share = parts_of(later.rows, tasks), real = sizeof(Real);
    const Real* const data = static_cast<const Real*>(later.operand->data);
    soon.of[i] = {data + task * share * later.step / real,
                  later.step / real,
                  smaller(share, later.rows - task * share),
                  parts_of(later.bytes, kGemmColumns * real),
                  kGemmColumns,
                  0};
  }
  return soon;
}

/** All blocks of a product, as tasks: body(p, o, block, soon, scratch) for every block of every element of
 * the batch. */
template <class Body>
inline void gemm_share(const GemmCall& g, bool swapped, const GemmProduct& product, const GemmGrid& grid,
                       Context& context, const Body& body) {
  const int64_t blocks = grid.row_parts * grid.column_parts;
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  // Small elements of a batch share a task.
  const int64_t together =
      blocks > 1 || g.batch == 1
          ? 1
          : smaller(g.batch, larger(1, static_cast<int64_t>(kGemmTaskWork / (work + 1000))));
  const int64_t items = g.batch * blocks;
  const double batch = static_cast<double>(g.batch),
               elements = static_cast<double>(g.m * g.n + (g.m + g.n) * g.k);
  const int64_t tasks = parts_of(items, together);
  parallel(context, tasks, gemm_nanoseconds(work * batch, elements * batch),
           [&](int64_t task, void* scratch) {
             GemmSoon soon = gemm_soon(*g.call, task, tasks);
             for (int64_t item = task * together; item < smaller(items, (task + 1) * together); item++) {
               GemmProduct p = product;
               GemmOutput o;
               gemm_at(g, item / blocks, p, swapped, o);
               body(p, o, item % blocks, soon.count > 0 ? &soon : nullptr, static_cast<Real*>(scratch));
             }
           });
}

template <class Factors>
inline void gemm_share_blocks(const GemmCall& g, const GemmPlan& plan, const GemmProduct& product,
                              const GemmGrid& grid, Context& context) {
  gemm_share(g, plan.swapped, product, grid, context,
             [&](const GemmProduct& p, const GemmOutput& o, int64_t block, GemmSoon* soon, Real* scratch) {
               const GemmArea area = grid.area(p, block);
               // What the next columns will need is fetched by all blocks that come before them, each its
               // share.
               const int64_t before = grid.across ? 1 : grid.row_parts;
               const int64_t share = parts_of(smaller(p.k, kGemmK), before);
               const int64_t then = area.j + area.columns;
               const GemmFetch next = gemm_fetch(p, then, p.columns - then, block % before * share, share);
               if (kGemmNarrow && plan.upended)
                 gemm_upended_block<Factors>(p, plan, o, area, soon, scratch);
               else
                 gemm_block<Factors>(p, plan, o, area, next, soon, scratch);
               if (plan.rest > 0 && then == p.columns) gemm_rest_block(g, plan, area, scratch);
             });
}

inline void gemm_share_dots(const GemmCall& g, bool swapped, const GemmProduct& product, Context& context) {
  const GemmGrid grid = gemm_dots_grid(product, g.batch, context.threads);
  gemm_share(g, swapped, product, grid, context,
             [&](const GemmProduct& p, const GemmOutput& o, int64_t block, GemmSoon* soon, Real* scratch) {
               gemm_dots_area(p, swapped, o, grid.area(p, block), soon, scratch);
             });
}

/** A y whose columns do not lie side by side, and that several tasks would each turn, is turned here once: to
 *  panels, or where those are wide, to rows that do not fall on few sets of the caches. Two threads had
 * better turn it each for itself than fetch the other's half, and so do blocks of many rows, behind whose
 * arithmetic it is turned. */
inline void gemm_turn_y(const GemmCall& g, const GemmPlan& plan, GemmProduct& p, Context& context) {
  const int64_t width = gemm_odd_lines(p.columns);
  if (g.batch > 1 || p.y_column == 1 || p.k * width > kGemmSharedSize) return;
  const GemmGrid grid = gemm_grid(p, 1, plan.upended ? plan : GemmPlan{}, context.threads, false);
  if (grid.row_parts <= smaller(context.threads, 2)) return;
  if (grid.rows >= kGemmBlock / 2 && gemm_turns_ahead(p, grid.rows, p.k)) return;
  Real* const turned = static_cast<Real*>(context.scratch) + kGemmSharedFrom;
  const double work = 0.3 * static_cast<double>(p.k * p.columns);
  parallel(context, parts_of(p.columns, kGemmColumns), work, [=](int64_t panel, void*) {
    const int64_t j = panel * kGemmColumns, columns = smaller(kGemmColumns, p.columns - j);
    if (kGemmNarrow)
      gemm_turn_panel(p, j, turned + j * p.k);
    else
      gemm_pack_panel(p.y + j * p.y_column, p.y_step, p.y_column, p.k, columns, width, turned + j);
  });
  if (kGemmNarrow) return gemm_set_panels(p, turned);
  p.y = turned;
  p.y_step = width;
  p.y_column = 1;
}

inline void gemm_blocks(const GemmCall& g, Context& context) {
  double cost = 0;
  GemmPlan plan = g.panel > 0 ? gemm_plan(g.output, false) : gemm_plan(g, cost);
  GemmProduct p = gemm_product(g, plan.swapped);
#if defined(NABLA_GEMM_BF16)
  if (gemm_bf16_takes(p))
    return gemm_share_blocks<GemmBf16>(
        g, plan, p, gemm_grid(p, g.batch, {}, context.threads, false, kGemmBlock / 2), context);
#endif
  if (g.panel > 0)
    return gemm_share_blocks<GemmPlain>(g, plan, p, gemm_grid(p, 1, plan, context.threads, true), context);
  const bool low = g.m < g.n;
  const GemmProduct dots = gemm_product(g, low);
  if (gemm_dots_pay(dots, cost)) return gemm_share_dots(g, low, dots, context);
  const bool turned = gemm_long_swapped(g, plan);
  const GemmProduct whole = gemm_product(g, turned);
  if (gemm_is_long(g, whole)) return gemm_long(g, turned, whole, context);
  const bool large = kWidth > 1 && g.batch == 1 && g.m * g.n * g.k >= kGemmRestWork;
  if (large) {
    gemm_plan_rest(g, plan);
    p = gemm_product(g, plan.swapped);
    p.columns -= plan.rest;
  }
  plan.upended = large && gemm_is_upended(p, plan);
  gemm_turn_y(g, plan, p, context);
  gemm_share_blocks<GemmPlain>(g, plan, p, gemm_grid(p, g.batch, plan, context.threads, p.y_column == 1),
                               context);
}

/** What fits into one tile, without further ado; returns false if it does not. */
inline bool gemm_one_tile(const GemmCall& g) {
  constexpr int64_t kMostPacked = 512;
  const GemmOutput& o = g.output;
  const int64_t vectors = parts_of(g.n, kWidth);
  if (g.batch != 1 || vectors > kGemmVectors || g.m > gemm_rows(static_cast<int>(vectors)) || o.column != 1)
    return false;
  const bool in_place = g.w_column == 1 && (kGemmLoadsPartial || g.n % kWidth == 0);
  if (in_place ? g.m == 1 && g.k > 64 : g.k * vectors * kWidth > kMostPacked) return false;
  Real packed[kMostPacked];
  if (!in_place) gemm_pack_panel(g.w, g.w_row, g.w_column, g.k, g.n, gemm_width(g.n), packed);
  GemmTile tile;
  tile.tiles = 1;
  tile.x = tile.last_ahead = g.a, tile.x_row = g.a_row, tile.x_step = g.a_column;
  tile.y = in_place ? g.w : packed, tile.y_step = in_place ? g.w_row : vectors * kWidth;
  tile.k = g.k;
  tile.c = o.c, tile.c_row = o.row;
  tile.alpha = o.alpha, tile.beta = o.beta, tile.bias = o.bias;
  tile.tail = g.n - (vectors - 1) * kWidth;
  gemm_micro_for<GemmPlain, GemmAside::nothing>(g.m, vectors, tile.tail)(tile);
  gemm_finish_tile(o, 0, g.m, 0, g.n);
  return true;
}

void gemm(const Call& call, Context& context);

/** Panels of w of a width that no micro-kernel reads: a product for each. */
inline void gemm_each_panel(const Call& call, Context& context) {
  Operand part[5];
  std::memcpy(part, call.operands, sizeof part);
  Operand &w = part[1], &bias = part[2], &aux = part[3], &c = part[4];
  const int64_t panels = w.shape[0], width = w.shape[2], columns = c.shape[2];
  w.shape[0] = 1;
  const auto forward = [](Operand& x, int64_t by) {
    if (x) x.data = static_cast<Real*>(x.data) + by;
  };
  for (int64_t q = 0; q < panels; q++) {
    w.shape[2] = c.shape[2] = smaller(width, columns - q * width);
    gemm({part, call.parameters, call.parameter_count}, context);
    forward(w, w.stride[0]), forward(bias, width);
    forward(aux, width * aux.stride[2]), forward(c, width * c.stride[2]);
  }
}

void gemm(const Call& call, Context& context) {
  const GemmCall g = gemm_read(call);
  if (g.batch == 0 || g.m == 0 || g.n == 0) return;
  if (g.panel > 0) {
    if (g.panel != kGemmColumns || g.w_column != 1) return gemm_each_panel(call, context);
    return gemm_blocks(g, context);
  }
  if (gemm_one_tile(g)) return;
  const bool down = g.n == 1 && g.m > 1;
  if (g.m == 1 || down) {
    const GemmProduct p = gemm_product(g, down);
    if (p.y_column == 1 || (p.y_step == 1 && (p.x_step == 1 || p.k <= kGemmRowK)))
      return gemm_rows_of_one(g, p, down, context);
  }
  if (g.k == 1 && g.batch == 1 && g.output.column == 1 && g.w_column == 1 && g.n >= 64)
    return gemm_outer(g, context);
  gemm_blocks(g, context);
}

}  // namespace
