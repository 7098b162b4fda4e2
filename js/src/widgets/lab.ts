import { mountLab } from "../views/lab";
import { widget } from "./host";

export default widget(mountLab);
