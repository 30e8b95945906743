// parallel(context, tasks, work, body): body(task, scratch) for every task. See run_tasks in call.h.
// The split must depend on shapes alone, never on the number of threads: the bits must not either.
namespace {
template <class Body>
inline void parallel(Context& context, int64_t tasks, double work, const Body& body) {
  run_tasks(
      context, tasks, work,
      [](void* data, int64_t task, void* scratch) { (*static_cast<const Body*>(data))(task, scratch); },
      const_cast<Body*>(&body));
}
}  // namespace
