// parallel(context, tasks, work, body): body(task, scratch) for every task. See run_tasks in call.h.
// The bits must not depend on the number of threads: a split that decides an order of summation depends on
// shapes alone.
namespace {
template <class Body>
inline void parallel(Context& context, int64_t tasks, double work, const Body& body) {
  run_tasks(
      context, tasks, work,
      [](void* data, int64_t task, void* scratch) { (*static_cast<const Body*>(data))(task, scratch); },
      const_cast<Body*>(&body));
}
}  // namespace
