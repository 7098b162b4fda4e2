import { mountConfusion } from "../views/confusion";
import { alone, epochSlider } from "../views/controls/alone";
import { widget } from "./host";

export default widget(alone(mountConfusion, epochSlider));
